/** Whether a client that only knows the URL of a protected resource finds its way to the issuer. */
import { protectedResourceMetadataUrl, type SafeFetch } from '@fastify-mcp-auth/core'
import { bad, type Finding, good } from './finding.ts'
import { readJson } from './issuer.ts'

export async function resourceFindings(resource: string, issuer: string, fetch: SafeFetch): Promise<Finding[]> {
  const check = `resource ${resource}`
  const url = protectedResourceMetadataUrl(resource)
  const answer = await fetch(url).catch((error: unknown) => error as Error)
  if (answer instanceof Error)
    return [bad(check, answer.message, 'start it, and see that its public address leads to it')]
  const metadata = readJson(answer)
  if (!metadata) return [bad(check, `${url} answered ${answer.status}`, 'the path must reach the app unchanged')]
  const issuers = metadata['authorization_servers']
  if (metadata['resource'] !== resource)
    return [
      bad(check, `its metadata names ${String(metadata['resource'])}`, 'write both alike, character by character')
    ]
  if (!Array.isArray(issuers) || !issuers.includes(issuer))
    return [
      bad(check, `its metadata does not name ${issuer}`, 'let its verifier name this issuer, character by character')
    ]
  return [good(check, 'its metadata names this issuer'), await challengeFinding(check, { resource, url, fetch })]
}

async function challengeFinding(
  check: string,
  { resource, url, fetch }: { resource: string; url: string; fetch: SafeFetch }
): Promise<Finding> {
  const answer = await fetch(resource, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  }).catch((error: unknown) => error as Error)
  if (answer instanceof Error) return bad(check, answer.message, 'it must answer requests without a token with 401')
  const challenge = answer.headers['www-authenticate'] ?? ''
  if (answer.status !== 401)
    return bad(
      check,
      `answers ${answer.status} to a request without a token`,
      'protect the route: clients wait for a 401'
    )
  return challenge.includes(`resource_metadata="${url}"`)
    ? good(check, 'a request without a token is led to the metadata')
    : bad(check, 'its 401 does not lead to the metadata', 'a proxy must not take WWW-Authenticate away or change it')
}
