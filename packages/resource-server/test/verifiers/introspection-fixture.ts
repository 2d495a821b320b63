/** An introspection endpoint in process, whose answer can be changed. */
import { type SafeFetch, UnavailableError } from '@fastify-mcp-auth/core'
import { settableClock } from '@fastify-mcp-auth/testing'
import { introspection } from '../../src/index.ts'
import { RESOURCE } from '../app.ts'

export const START = 1_800_000_000
export const issuer = 'https://issuer.test'
export const endpoint = `${issuer}/introspect`
export const client = { id: 'rs', secret: 's3cret' }
export const context = { resource: RESOURCE, request: null }
export const good = {
  active: true,
  iss: issuer,
  sub: 'alice',
  client_id: 'web',
  aud: RESOURCE,
  scope: 'a b',
  exp: START + 300
}

interface Asked {
  url: string
  headers: Record<string, string>
  form: Record<string, string>
}

export function setup(options: object = {}) {
  const state = {
    status: 200,
    body: JSON.stringify(good),
    contentType: 'application/json',
    down: false,
    /** What the endpoint waits for before it answers. */
    before: null as Promise<unknown> | null,
    jwks: { keys: [] } as object,
    /** Where the metadata says that the endpoint is. */
    published: endpoint,
    lookups: 0,
    asked: [] as Asked[]
  }
  const json = (value: object) => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(value)) })
  const fetch: SafeFetch = async (url, request = {}) => {
    if (url.includes('.well-known')) {
      state.lookups++
      return json({ issuer, introspection_endpoint: state.published, jwks_uri: `${issuer}/jwks` })
    }
    if (url === `${issuer}/jwks`) return json(state.jwks)
    const form = Object.fromEntries(new URLSearchParams(request.body))
    state.asked.push({ url, headers: request.headers ?? {}, form })
    await state.before
    if (state.down) throw new UnavailableError('down')
    return { status: state.status, headers: { 'content-type': state.contentType }, body: Buffer.from(state.body) }
  }
  const clock = settableClock(START)
  const verifier = introspection({ issuer, endpoint, client, clock, fetch, ...options })
  return { state, clock, verifier, verify: async (token = 'opaque') => verifier.verify(token, context) }
}
