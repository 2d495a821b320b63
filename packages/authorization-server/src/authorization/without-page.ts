/** Grants that what a person allowed before covers: nobody is asked. */
import { expandScopes } from '@fastify-mcp-auth/core'
import { OFFLINE_ACCESS } from '../catalogue.ts'
import type { ServerContext } from '../context.ts'
import { type PreparedGrant, prepareGrant } from '../grants/lifecycle.ts'
import { revokeGrant } from '../grants/revocation.ts'
import type { FrozenRequest } from '../records.ts'
import type { Session } from '../users.ts'
import { type Offer, offerOf } from './offer.ts'
import { mayStandIn, recallConsent } from './remembered-consent.ts'

/**
 * Stores nothing.
 *
 * @returns null when somebody has to be asked: also where an organization is to be picked, unless asking is forbidden and only one
 *   was allowed before
 * @throws UnavailableError
 */
export async function rememberedGrant(
  server: ServerContext,
  request: FrozenRequest,
  session: Session
): Promise<PreparedGrant | null> {
  if (!mayStandIn(server, request)) return null
  const offer = await offerOf(server, request, session)
  const choices = offer.organizations.length === 0 ? [null] : offer.organizations.map(({ id }) => id)
  if (choices.length > 1 && !request.prompts.includes('none')) return null
  const [only, another] = choices.flatMap(organization => cover({ request, offer, organization }) ?? [])
  return only && !another ? prepareGrant(server, { request, session, ...only }) : null
}

/**
 * To be called when the grant is stored: a consent that was taken back in the meantime takes the grant along.
 *
 * @returns false when it did
 */
export async function isStillRemembered(
  server: ServerContext,
  { grantId, record }: Pick<PreparedGrant, 'grantId' | 'record'>
): Promise<boolean> {
  if (await recallConsent(server, record)) return true
  await revokeGrant(server, grantId, { reason: 'consent_withdrawn' })
  return false
}

/** What a grant for that organization would be made of, where a consent covers it. */
function cover({
  request,
  offer,
  organization
}: {
  request: FrozenRequest
  offer: Offer
  organization: string | null
}): { organization: string | null; scopes: string[]; endsAt: number } | null {
  const consent = offer.consentFor(organization)
  if (!consent) return null
  const allowed = offer.allowedFor(organization)
  const asked = request.scopes.filter(scope => allowed.includes(scope))
  const before = expandScopes(consent.scopes, offer.policy.hierarchy)
  if (asked.length === 0 || !asked.every(scope => before.has(scope))) return null
  const scopes = request.scopes.includes(OFFLINE_ACCESS) ? [...asked, OFFLINE_ACCESS] : asked
  return { organization, scopes, endsAt: consent.expiresAt }
}
