/**
 * Client authentication at the token and revocation endpoints: exactly one method per request.
 *
 * @see RFC 6749 section 2.3, OAuth 2.1 section 2.4
 */
import { digest, equalInConstantTime, isOAuthError, OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'
import type { Form } from '../form-body.ts'
import type { Client, ClientAuthMethod } from './client.ts'
import { resolveCaller } from './resolve.ts'

interface Credentials {
  readonly method: ClientAuthMethod
  readonly clientId: string
  readonly secret: string
}

/**
 * @throws OAuthError `invalid_client` (401) when the client is unknown or does not prove itself. Clients in the wild register
 *   anew on exactly this answer.
 * @throws OAuthError `invalid_request` when two methods are used at once, or none says who the client is
 */
export async function authenticateClient(server: ServerContext, request: FastifyRequest, form: Form): Promise<Client> {
  let client: Client | null = null
  try {
    const credentials = readCredentials(request.headers.authorization, form)
    client = await resolveCaller(server, credentials.clientId)
    if (!client) throw invalidClient('unknown_client')
    assertProven(client, credentials)
    return client
  } catch (error) {
    // What an unknown client says it is stays untold: some send their secret there.
    const clientId = client?.clientId ?? null
    if (isOAuthError(error) && error.error === 'invalid_client')
      server.emit('client.authentication_failed', { clientId, reason: error.reason })
    throw error
  }
}

function assertProven({ secretDigest }: Client, { method, secret }: Credentials): void {
  if (secretDigest === null) {
    if (method !== 'none') throw invalidClient('secret_from_public_client')
    return
  }
  // A confidential client may use either way to send its secret; clients in the wild mix the two up.
  if (method === 'none' || !equalInConstantTime(digest(secret), secretDigest)) throw invalidClient('wrong_secret')
}

function invalidClient(reason: string): OAuthError {
  return new OAuthError('invalid_client', 'client is unknown or not authenticated', { reason })
}

function readCredentials(authorization: string | undefined, form: Form): Credentials {
  const basic = authorization === undefined ? null : readBasic(authorization)
  const posted = form.client_secret
  if (basic && posted !== undefined) {
    throw new OAuthError('invalid_request', 'more than one way of client authentication', { reason: 'two_methods' })
  }
  if (basic && form.client_id !== undefined && form.client_id !== basic.clientId) {
    throw new OAuthError('invalid_request', 'client_id differs from the Authorization header', {
      reason: 'two_clients'
    })
  }
  if (basic) return basic
  const clientId = form.client_id
  if (clientId === undefined || clientId === '')
    throw new OAuthError('invalid_client', 'client_id is missing', { reason: 'no_client' })
  if (posted === undefined) return { method: 'none', clientId, secret: '' }
  return { method: 'client_secret_post', clientId, secret: posted }
}

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i

// Strict: both halves are form-encoded before base64 (RFC 6749 section 2.3.1), and nothing is guessed.
function readBasic(authorization: string): Credentials {
  const encoded = BASIC.exec(authorization)?.[1]
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 1) throw invalidClient('malformed_authorization')
  try {
    return {
      method: 'client_secret_basic',
      clientId: decodeForm(decoded.slice(0, colon)),
      secret: decodeForm(decoded.slice(colon + 1))
    }
  } catch {
    throw invalidClient('malformed_authorization')
  }
}

const decodeForm = (value: string): string => decodeURIComponent(value.replaceAll('+', ' '))
