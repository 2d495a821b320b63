/**
 * Grants without a person: the app itself, a workload, or an identity provider that both sides trust.
 *
 * @see RFC 6749 section 4.4, RFC 7523 section 2.1, draft-ietf-oauth-identity-assertion-authz-grant
 */
import { formatScope } from '@fastify-mcp-auth/core'
import type { Context, Target } from './context.ts'
import type { Discovered } from './discovery.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/**
 * The form of the token request.
 *
 * @returns an error when the source of the assertion is down, null when it says that the person has to sign in again
 */
export async function silentForm(
  context: Context,
  { definition, place }: Target,
  { found, scopes }: { readonly found: Discovered; readonly scopes: readonly string[] }
): Promise<Readonly<Record<string, string | null>> | Error | null> {
  const scope = scopes.length === 0 ? null : formatScope(scopes)
  if (definition.auth === 'client_credentials') return { grant_type: 'client_credentials', scope }
  const source = definition.oauth?.assertion
  if (!source) return null
  try {
    const assertion = await source({
      owner: place.owner,
      server: place.server,
      audience: found.issuer,
      resource: found.resource,
      scopes,
      signal: AbortSignal.timeout(context.options.refresh.timeout * 1000)
    })
    return assertion === null ? null : { grant_type: JWT_BEARER, assertion, scope }
  } catch (error) {
    context.log.warn({ err: error, server: place.server }, 'mcp-auth: the source of assertions failed')
    return error instanceof Error ? error : new Error('the source of assertions failed')
  }
}
