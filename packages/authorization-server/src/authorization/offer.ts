/**
 * What can be decided, by this person, on this request: for which organizations, and which scopes. Worked out anew for the page and
 * for the decision, so that nothing counts that was not on offer.
 */
import { expandScopes, InteractionError } from '@fastify-mcp-auth/core'
import { OFFLINE_ACCESS } from '../catalogue.ts'
import type { ServerContext } from '../context.ts'
import type { ConsentRecord, FrozenRequest } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import type { Organization } from '../types.ts'
import type { Session } from '../users.ts'
import { recallConsent } from './remembered-consent.ts'

export interface Offer {
  readonly policy: ResourcePolicy
  /** One of these is picked; none where the app knows none. */
  readonly organizations: readonly Organization[]
  /** Scopes that may be ticked, in the order of the page. */
  readonly scopes: readonly string[]
  /** What was allowed before, whichever organization is picked. */
  readonly granted: ReadonlySet<string>
  /** The client is known here and asks for something new. */
  readonly stepUp: boolean
  /** This person never allowed this client anything, at this place for answers. */
  readonly firstTime: boolean
  /** What of the scopes this person may allow for that organization. */
  allowedFor(organization: string | null): readonly string[]
  /** What was decided before for that organization; null for nothing, or nothing that still counts. */
  consentFor(organization: string | null): ConsentRecord | null
}

/** @throws UnavailableError */
export async function offerOf(server: ServerContext, request: FrozenRequest, session: Session): Promise<Offer> {
  const policy = server.catalogue.resolveAll(request.resources)
  const organizations = await server.users.organizations(session.user)
  const choices: (string | null)[] = organizations.length === 0 ? [null] : organizations.map(({ id }) => id)
  const { subject } = session
  const recalled = await Promise.all(
    choices.map(organization => recallConsent(server, { ...request, subject, organization }))
  )
  const consents = recalled.map(consent => consent?.scopes ?? [])
  const before = consents.map(scopes => expandScopes(scopes, policy.hierarchy))
  const asked = request.scopes.filter(scope => policy.scopes.has(scope))
  const known = (scope: string): boolean => policy.scopes.has(scope) && !asked.includes(scope)
  // With several organizations a scope that is granted in only one is shown as an ordinary question: the pick may be another.
  const granted = new Set([...(before[0] ?? [])].filter(scope => before.every(scopes => scopes.has(scope))))
  const stepUp = before.some(scopes => scopes.size > 0 && asked.some(scope => !scopes.has(scope)))
  // A client that steps up with one scope alone must not lose the others. @see modelcontextprotocol 2349
  const kept = stepUp ? [...new Set(consents.flat().filter(known))] : []
  const allowed = await allowedPerChoice(server, { session, request, policy, choices, scopes: [...asked, ...kept] })
  return {
    policy,
    organizations,
    scopes: [...asked, ...kept].filter(scope => choices.some(choice => allowed.get(choice)?.includes(scope))),
    granted,
    stepUp: stepUp && granted.size > 0,
    firstTime: recalled.every(consent => consent === null),
    allowedFor: organization => allowed.get(organization) ?? [],
    consentFor: organization => recalled[choices.indexOf(organization)] ?? null
  }
}

/**
 * The organization that was picked.
 *
 * @throws InteractionError `invalid_request` when there is a choice and none was made, or one that is not on offer
 */
export function pickedOrganization({ organizations }: Offer, picked: string | undefined): string | null {
  const [only, another] = organizations
  if (!only) return null
  const choice = another || picked ? organizations.find(({ id }) => id === picked) : only
  if (!choice) throw new InteractionError('invalid_request')
  return choice.id
}

/** What is granted when these boxes are ticked; empty for nothing. `offline_access` comes along, it is nothing to decide about. */
export function chosenScopes(
  { policy, scopes, allowedFor }: Offer,
  { request, organization, ticked }: { request: FrozenRequest; organization: string | null; ticked: readonly string[] }
): string[] {
  const allowed = allowedFor(organization)
  const kept = scopes.filter(
    scope => allowed.includes(scope) && (policy.scopes.get(scope)?.required || ticked.includes(scope))
  )
  return kept.length > 0 && request.scopes.includes(OFFLINE_ACCESS) ? [...kept, OFFLINE_ACCESS] : kept
}

// Each resource is asked about alone: a scope that two of them know may be for this person at one only.
async function allowedPerChoice(
  server: ServerContext,
  about: {
    session: Session
    request: FrozenRequest
    policy: ResourcePolicy
    choices: readonly (string | null)[]
    scopes: readonly string[]
  }
): Promise<Map<string | null, string[]>> {
  const { session, request, policy, choices, scopes } = about
  const { clientId } = request
  const entries = choices.map(async organization => {
    const perResource = policy.resources.map(({ resource }) => {
      const here = scopes.filter(scope => server.catalogue.resolve(resource).scopes.has(scope))
      return server.users.allowedScopes(session.user, here, { clientId, resource, organization })
    })
    return [organization, (await Promise.all(perResource)).flat()] as const
  })
  return new Map(await Promise.all(entries))
}
