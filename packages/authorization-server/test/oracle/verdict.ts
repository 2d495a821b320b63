/** What a server decided, in one line that can be compared: how it says it (texts, ids, lifetimes, 302 or 303) is left out. */
import type { HttpResponse } from '@fastify-mcp-auth/testing'
import type { Side } from './side.ts'

export function verdictOf(side: Side, response: HttpResponse | readonly HttpResponse[]): string {
  return [response]
    .flat()
    .map(one => verdictOfOne(side, one as HttpResponse))
    .join(', then ')
}

function verdictOfOne(side: Side, response: HttpResponse): string {
  const { statusCode: status, headers } = response
  const type = String(headers['content-type'] ?? '')
  if (status >= 300 && status < 400) return redirected(side, response)
  if (type.startsWith('text/html')) return `page ${status}`
  const body = type.includes('json') ? readJson(response.body) : {}
  if (status >= 400) return refused(status, body, headers['www-authenticate'])
  return accepted(status, body)
}

function redirected({ issuer }: Side, { url, headers }: HttpResponse): string {
  const target = new URL(String(headers['location']), url)
  if (target.origin === issuer) return 'asks the person'
  const inFragment = target.hash.length > 1
  const answer = inFragment ? new URLSearchParams(target.hash.slice(1)) : target.searchParams
  const how = [
    inFragment ? ' in the fragment' : '',
    answer.get('state') === 'the-state' ? '' : ' without state',
    answer.get('iss') === issuer ? '' : ' without iss'
  ].join('')
  return `redirect ${answer.get('error') ?? (answer.has('code') ? 'code' : 'nothing')}${how}`
}

function refused(status: number, body: Record<string, unknown>, challenge: unknown): string {
  const scheme = typeof challenge === 'string' ? ` (${challenge.split(' ', 1)[0]})` : ''
  return `${status}${typeof body['error'] === 'string' && status !== 404 ? ` ${body['error']}` : ''}${scheme}`
}

function accepted(status: number, body: Record<string, unknown>): string {
  if (typeof body['access_token'] === 'string') return tokensOf(body)
  if (typeof body['active'] === 'boolean') return body['active'] ? 'active' : 'inactive'
  if (typeof body['request_uri'] === 'string') return `${status} pushed`
  if (Array.isArray(body['redirect_uris'])) return registered(status, body)
  return String(status)
}

function tokensOf(body: Record<string, unknown>): string {
  const more = ['refresh_token', 'id_token'].filter(name => name in body).map(name => ` + ${name}`)
  return `tokens for ${String(body['scope'])}${more.join('')}`
}

function registered(status: number, body: Record<string, unknown>): string {
  const { redirect_uris: uris, grant_types: grants, token_endpoint_auth_method: method } = body
  return `${status} ${String(method)}, ${(uris as unknown[]).length} URI, ${[grants ?? []].flat().toSorted().join(' + ')}`
}

function readJson(text: string): Record<string, unknown> {
  const value: unknown = text === '' ? {} : JSON.parse(text)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
