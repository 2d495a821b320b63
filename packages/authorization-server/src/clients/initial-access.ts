/**
 * Initial access tokens: the app's permission to register one client, when strangers may not.
 *
 * @see RFC 7591 section 3, RFC 6750 section 3
 */
import { digest, OAuthError, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'

export async function issueInitialAccessToken(
  server: ServerContext,
  ttl: number
): Promise<{ token: string; expiresAt: number }> {
  const token = randomSecret()
  const createdAt = server.clock.now()
  const expiresAt = createdAt + ttl
  await server.records.initialAccessTokens.insert(digest(token), { createdAt, expiresAt, usedAt: null })
  return { token, expiresAt }
}

/**
 * Looks at the token of a registration request; does not use it up.
 *
 * @returns what {@link useInitialAccess} needs
 * @throws OAuthError `invalid_token`
 */
export async function checkInitialAccess(server: ServerContext, request: FastifyRequest): Promise<string> {
  const key = digest(bearerToken(request))
  const record = await server.records.initialAccessTokens.get(key)
  if (!record || record.usedAt !== null || record.expiresAt <= server.clock.now()) throw invalidToken()
  return key
}

/** The one conditional write: of two registrations with one token, one is made. @throws OAuthError `invalid_token` */
export async function useInitialAccess(server: ServerContext, key: string): Promise<void> {
  const won = await server.records.initialAccessTokens.update(key, { usedAt: null }, { usedAt: server.clock.now() })
  if (!won) throw invalidToken()
}

/** @throws OAuthError `invalid_token` when there is no token in the header, or a malformed one */
export function bearerToken({ headers }: FastifyRequest): string {
  if (headers.authorization === undefined)
    throw new OAuthError('invalid_token', 'an access token is needed', { reason: 'token_missing' })
  const token = /^bearer +([A-Za-z0-9._~+/-]{1,512}=*)$/i.exec(headers.authorization)?.[1]
  if (token === undefined) throw invalidToken()
  return token
}

function invalidToken(): OAuthError {
  return new OAuthError('invalid_token', 'the access token is unknown, expired or was used before', {
    reason: 'initial_access_token'
  })
}
