/** What a person is told before deciding: who asks, where the answer goes, for what, and what was allowed before. */
import {
  type ConsentRequest,
  type ConsentScope,
  describeRedirectUri,
  digest,
  expandScopes
} from '@fastify-mcp-auth/core'
import { interactionPath, pageUrl, type ServerContext } from '../context.ts'
import { liveGrants } from '../grants/lifecycle.ts'
import type { InteractionRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import type { Session } from '../users.ts'

/** Says which account saw the page; the handle in it keeps it from being guessed or reused. */
export function accountProof(handle: string, subject: string): string {
  return digest(`account ${handle} ${subject}`)
}

/** The model of the consent page for a person who is signed in. */
export async function consentRequest(
  server: ServerContext,
  { handle, interaction, session }: { handle: string; interaction: InteractionRecord; session: Session }
): Promise<ConsentRequest> {
  const { subject, displayName } = session
  const policy = server.catalogue.resolveAll(interaction.resources)
  const granted = await grantedBefore(server, interaction, subject)
  const stepUp = granted.size > 0 && interaction.scopes.some(scope => policy.scopes.has(scope) && !granted.has(scope))
  const { refreshable: _, ...client } = interaction.client
  return {
    status: 'consent',
    decisionUrl: interactionPath(server, handle),
    client: { clientId: interaction.clientId, ...client },
    redirect: { uri: interaction.redirectUri, ...describeRedirectUri(interaction.redirectUri) },
    resources: policy.resources,
    scopes: interaction.scopes.flatMap(scope => consentScope(policy, scope, { granted, stepUp })),
    stepUp,
    account: {
      displayName,
      switchUrl: server.users.loginUrl({ returnTo: pageUrl(server, handle), prompt: 'login' }),
      proof: accountProof(handle, subject)
    },
    grantTtl: server.options.grantTtl,
    expiresAt: interaction.expiresAt
  }
}

function consentScope(
  policy: ResourcePolicy,
  scope: string,
  { granted, stepUp }: { granted: ReadonlySet<string>; stepUp: boolean }
): ConsentScope[] {
  const known = policy.scopes.get(scope)
  if (!known) return []
  // A step-up is the answer to something the person just asked for, so what it is about may be ticked.
  const preselected = known.required || !known.destructive || stepUp
  return [{ scope, ...known, granted: granted.has(scope), preselected }]
}

/** What this person allowed this client at this resource and could still use. For display only: every request is asked. */
async function grantedBefore(
  server: ServerContext,
  interaction: InteractionRecord,
  subject: string
): Promise<Set<string>> {
  const grants = await liveGrants(server, subject)
  const same = grants.filter(
    grant => grant.clientId === interaction.clientId && grant.resources.join(' ') === interaction.resources.join(' ')
  )
  return expandScopes(
    same.flatMap(grant => grant.scopes),
    server.catalogue.resolveAll(interaction.resources).hierarchy
  )
}
