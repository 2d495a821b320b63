/**
 * ID tokens that come back from a client, to say whom a request is about.
 *
 * @see OpenID Connect Core section 3.1.2.1 (`id_token_hint`), RP-Initiated Logout 1.0 section 2
 */
import { isOAuthError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import { readOwnJwt } from '../tokens/own-jwt.ts'

export interface IdTokenHint {
  readonly sub: string
  /** Whom it was issued to. */
  readonly clientId: string
}

/**
 * Its age does not matter: it says who it was, and opens nothing.
 *
 * @returns null for one that is not ours, or whose key is not stored any more
 * @throws UnavailableError when the keys cannot be read
 */
export async function readIdTokenHint(server: ServerContext, idToken: string): Promise<IdTokenHint | null> {
  try {
    const { sub, aud } = await readOwnJwt(server, idToken, 'JWT', { past: true })
    return typeof sub === 'string' && typeof aud === 'string' ? { sub, clientId: aud } : null
  } catch (error) {
    if (isOAuthError(error)) return null
    throw error
  }
}
