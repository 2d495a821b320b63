/**
 * Secrets of a client: 256 random bits each, of which only a digest is kept. A client has several while one replaces the other.
 *
 * @see RFC 6749 section 2.3.1, RFC 7591 section 3.2.1
 */
import { Digest, digest, equalInConstantTime, OAuthError, randomSecret } from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'

/** As it is kept. */
export const ClientSecret = Type.Object({
  secretId: Type.String(),
  digest: Digest(),
  createdAt: Type.Integer(),
  /** Epoch second from which on it is refused; null for never. */
  expiresAt: Type.Union([Type.Integer(), Type.Null()])
})
export type ClientSecret = Static<typeof ClientSecret>

/** A client that needs more than these at once does not rotate, it hoards. */
export const MAX_SECRETS = 5

export function makeSecret(now: number, expiresAt: number | null = null): { secret: string; kept: ClientSecret } {
  const secret = randomSecret()
  return { secret, kept: { secretId: randomSecret(9), digest: digest(secret), createdAt: now, expiresAt } }
}

/** One of the operator's, known by its digest alone. */
export function configuredSecret(secretDigest: string): ClientSecret {
  return { secretId: secretDigest.slice(0, 12), digest: secretDigest, createdAt: 0, expiresAt: null }
}

/** Looks at every secret, so that the time it takes does not tell which one came close. */
export function hasSecret(secrets: readonly ClientSecret[], presented: string, now: number): boolean {
  const presentedDigest = digest(presented)
  return liveSecrets(secrets, now).filter(secret => equalInConstantTime(presentedDigest, secret.digest)).length > 0
}

export function liveSecrets(secrets: readonly ClientSecret[], now: number): ClientSecret[] {
  return secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
}

/**
 * @param secrets live ones
 * @throws OAuthError `invalid_client_metadata` when there is no room for one more
 */
export function withSecret(secrets: readonly ClientSecret[], added: ClientSecret): ClientSecret[] {
  if (secrets.length >= MAX_SECRETS)
    throw new OAuthError('invalid_client_metadata', `a client has at most ${MAX_SECRETS} secrets; remove one first`)
  return [...secrets, added]
}
