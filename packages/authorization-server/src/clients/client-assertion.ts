/**
 * `private_key_jwt`: the client proves itself by a short-lived JWT that it signed for this server, good for one request.
 *
 * @see RFC 7523 sections 2.2 and 3, OpenID Connect Core section 9
 */
import { OAuthError } from '@fastify-mcp-auth/core'
import { decodeJwt } from 'jose'
import { readAssertion, useOnce } from '../assertions/assertion.ts'
import type { ServerContext } from '../context.ts'
import type { Client } from './client.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const TYPE = /^(?:(?:application\/)?(?:jwt|client-authentication\+jwt))?$/i

function invalidClient(reason: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_client', 'client is unknown or not authenticated', { reason, cause })
}

/** Who an assertion is from, before anything is verified: good for nothing but finding the keys. */
export function claimedClientId(assertion: string): string {
  try {
    const { sub } = decodeJwt(assertion)
    if (typeof sub === 'string' && sub !== '') return sub
  } catch {
    // Falls through to the same answer.
  }
  throw invalidClient('assertion_malformed')
}

/**
 * @param audiences the names of this server that an assertion may be made for
 * @throws OAuthError `invalid_client` for anything but a fresh assertion of this client that was not seen before
 * @throws UnavailableError when the client's keys or the storage cannot be had
 */
export async function verifyClientAssertion(
  server: ServerContext,
  { client, assertion, audiences }: { client: Client; assertion: string; audiences: readonly string[] }
): Promise<void> {
  const { clientId, keys } = client
  if (!keys) throw invalidClient('no_keys')
  const claims = await readAssertion(server, assertion, {
    keys: server.clientKeys(keys),
    // Its `sub` is this as well: that is how the client was found.
    issuer: clientId,
    algorithm: keys.alg,
    audiences,
    type: TYPE,
    refused: invalidClient
  })
  await useOnce(server, claims, { maker: [clientId], refused: invalidClient })
}
