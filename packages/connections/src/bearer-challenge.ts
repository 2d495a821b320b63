/** What a server says about its refusal. @see RFC 6750 section 3, RFC 9728 section 5.1 */
import { isOAuthError, parseChallenges, parseScope } from '@fastify-mcp-auth/core'

export interface BearerChallenge {
  readonly status?: number
  /** URL of its metadata; null when it names none. */
  readonly resourceMetadata: string | null
  readonly scopes: readonly string[] | null
  readonly error: string | null
}

/** The first challenge for a token, of `Bearer` or `DPoP`. What is malformed counts as not said. */
export function readChallenge(response: Pick<Response, 'headers'>): BearerChallenge {
  const challenges = parseChallenges(response.headers.get('www-authenticate') ?? '')
  const ours = challenges.filter(({ scheme }) => ['bearer', 'dpop'].includes(scheme.toLowerCase()))
  const params = (ours.find(({ params }) => params['resource_metadata'] ?? params['scope']) ?? ours[0])?.params ?? {}
  return {
    resourceMetadata: params['resource_metadata'] ?? null,
    scopes: scopesOf(params['scope']),
    error: params['error'] ?? null
  }
}

function scopesOf(text: string | undefined): readonly string[] | null {
  try {
    const scopes = parseScope(text)
    return scopes.length === 0 ? null : scopes
  } catch (error) {
    if (isOAuthError(error)) return null
    throw error
  }
}
