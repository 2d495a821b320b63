/** The last word of the app about a token that is good by itself. */
import { isOAuthError, isUnavailableError, OAuthError, UnavailableError } from '@fastify-mcp-auth/core'
import { type Awaitable, isPromise } from './awaitable.ts'
import type { Principal } from './types.ts'

/** The option `isRevoked`. */
export type RevocationCheck = (principal: Principal) => boolean | Promise<boolean>

/**
 * @returns the principal
 * @throws OAuthError `invalid_token` when it is revoked, or when the answer is anything but false
 * @throws UnavailableError when the check fails: nobody gets in on a question that was not answered
 */
export function assertNotRevoked<P extends Principal>(isRevoked: RevocationCheck, principal: P): Awaitable<P> {
  const judge = (revoked: unknown): P => {
    if (revoked === false) return principal
    throw new OAuthError('invalid_token', 'the token has been revoked', { reason: 'revoked' })
  }
  let answer: boolean | Promise<boolean>
  try {
    answer = isRevoked(principal)
  } catch (error) {
    throw failed(error)
  }
  if (!isPromise(answer)) return judge(answer)
  return answer.then(judge, error => {
    throw failed(error)
  })
}

function failed(cause: unknown): unknown {
  if (isOAuthError(cause) || isUnavailableError(cause)) return cause
  return new UnavailableError('the option "isRevoked" of the resource server failed', { cause })
}
