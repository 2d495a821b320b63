/**
 * Authorization requests that a client left here before it sent the browser: what it asks for is not in the browser's hands.
 *
 * @see RFC 9126 sections 2.2 and 4
 */
import { digest, InteractionError, randomSecret } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { Query } from './request.ts'

const REQUEST_URI = /^urn:ietf:params:oauth:request_uri:([A-Za-z0-9_-]{43})$/

/** Whether a `request_uri` is one of ours, and not the address of a request object. */
export function isPushed(requestUri: unknown): requestUri is string {
  return typeof requestUri === 'string' && REQUEST_URI.test(requestUri)
}

/** @returns the `request_uri`, good for one use by this client within `pushedRequestTtl` */
export async function pushRequest(server: ServerContext, clientId: string, parameters: Query): Promise<string> {
  const secret = randomSecret()
  await server.records.pushedRequests.insert(digest(secret), {
    clientId,
    parameters: server.keyRing.seal(JSON.stringify(parameters), context(clientId, secret)),
    expiresAt: server.clock.now() + server.options.pushedRequestTtl,
    usedAt: null
  })
  return `urn:ietf:params:oauth:request_uri:${secret}`
}

/**
 * Takes a pushed request, once: it is consumed by one conditional write before anything else is done with it.
 *
 * @throws InteractionError where it is unknown, of another client, used or expired: where to redirect is in the request only
 */
export async function takeRequest(server: ServerContext, clientId: unknown, requestUri: string): Promise<Query> {
  const secret = REQUEST_URI.exec(requestUri)?.[1] ?? ''
  const { pushedRequests } = server.records
  const key = digest(secret)
  const pushed = await pushedRequests.get(key)
  if (!pushed || pushed.clientId !== clientId || pushed.usedAt !== null) throw new InteractionError('invalid_request')
  const now = server.clock.now()
  if (pushed.expiresAt <= now) throw new InteractionError('interaction_expired', { statusCode: 410 })
  if (!(await pushedRequests.update(key, { usedAt: null }, { usedAt: now })))
    throw new InteractionError('invalid_request')
  const parameters = server.keyRing.unseal(pushed.parameters, context(pushed.clientId, secret))
  // The key is gone: nobody's fault, and the client can push again.
  if (parameters === null) throw new InteractionError('interaction_expired', { statusCode: 410 })
  return JSON.parse(parameters) as Query
}

// The secret is in no record, so that a database and a key are not enough to read what was asked.
const context = (clientId: string, secret: string): string => JSON.stringify(['pushed request', clientId, secret])
