/** How a client finds the authorization server of a resource. */
import {
  type AuthorizationServerMetadata,
  authorizationServerMetadataUrls,
  type ProtectedResourceMetadata,
  protectedResourceMetadataUrl
} from '@fastify-mcp-auth/core'
import { challengesOf } from './assertions.ts'
import { summary } from './browser.ts'
import type { HttpResponse, Send } from './transport.ts'

/** What a client found out about a resource and its authorization server. */
export interface Discovery {
  /** Null when the issuer was given and the resource not asked. */
  readonly resource: ProtectedResourceMetadata | null
  readonly server: AuthorizationServerMetadata
  /** `scope` of the challenge; null when it had none. */
  readonly challengedScope: string | null
}

/**
 * @param issuer skips the resource
 * @throws Error when a document is missing, or describes something else than it was asked for
 * @see RFC 9728 section 3.3, RFC 8414 section 3.3
 */
export async function discover(send: Send, resource: string, issuer?: string): Promise<Discovery> {
  if (issuer !== undefined)
    return { resource: null, server: await readServerMetadata(send, issuer), challengedScope: null }
  const challenge = challengesOf(await probe(send, resource)).find(({ scheme }) => scheme.toLowerCase() === 'bearer')
  const url = challenge?.params['resource_metadata'] ?? protectedResourceMetadataUrl(resource)
  const response = await send({ method: 'GET', url })
  if (response.statusCode !== 200) throw new Error(`no metadata of the resource: ${summary(response)}`)
  const metadata = response.json<ProtectedResourceMetadata>()
  if (metadata.resource !== resource) throw new Error(`the metadata describes ${metadata.resource}, not ${resource}`)
  const [server] = metadata.authorization_servers ?? []
  if (server === undefined) throw new Error('the metadata of the resource names no authorization server')
  return {
    resource: metadata,
    server: await readServerMetadata(send, server),
    challengedScope: challenge?.params['scope'] ?? null
  }
}

function probe(send: Send, resource: string): Promise<HttpResponse> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  return send({ method: 'POST', url: resource, headers, body })
}

async function readServerMetadata(send: Send, issuer: string): Promise<AuthorizationServerMetadata> {
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const response = await send({ method: 'GET', url })
    if (response.statusCode !== 200) continue
    const metadata = response.json<AuthorizationServerMetadata>()
    if (metadata.issuer !== issuer) throw new Error(`the metadata is of issuer ${metadata.issuer}, not ${issuer}`)
    return metadata
  }
  throw new Error(`no metadata of the authorization server ${issuer}`)
}
