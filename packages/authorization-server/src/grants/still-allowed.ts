/** What a person allowed once may be more than they may allow now: asked again whenever tokens are made. */
import { OAuthError } from '@fastify-mcp-auth/core'
import { OFFLINE_ACCESS } from '../catalogue.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'

/**
 * Narrows the scopes of a token to what the app still lets this person allow there.
 *
 * Does not end the grant: what the app takes away it may give back.
 *
 * @throws OAuthError `invalid_grant` when nothing is left, the person is not in the grant's organization any more, or is gone
 * @throws UnavailableError
 */
export async function stillAllowed(
  server: ServerContext,
  { grant, resource, scopes }: { grant: GrantRecord; resource: string; scopes: readonly string[] }
): Promise<string[]> {
  const { users } = server
  const { clientId, organization } = grant
  if (!users.limitsScopes && organization === null) return [...scopes]
  const user = await users.find(grant.subject)
  if (user === null) throw refused('user_gone')
  if (organization !== null && !(await users.organizations(user)).some(({ id }) => id === organization))
    throw refused('organization_left')
  const decided = scopes.filter(scope => scope !== OFFLINE_ACCESS)
  const allowed = await users.allowedScopes(user, decided, { clientId, resource, organization })
  if (allowed.length === 0) throw refused('scopes_not_allowed')
  return scopes.filter(scope => scope === OFFLINE_ACCESS || allowed.includes(scope))
}

const refused = (reason: string): OAuthError =>
  new OAuthError('invalid_grant', 'what was allowed is not allowed any more', { reason })
