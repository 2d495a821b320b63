/** What a person is told before deciding: who asks, where the answer goes, for what, and what was allowed before. */
import { type ConsentRequest, type ConsentScope, describeRedirectUri, digest } from '@fastify-mcp-auth/core'
import { interactionPath, pageUrl, type ServerContext } from '../context.ts'
import type { InteractionRecord } from '../records.ts'
import type { Session } from '../users.ts'
import { userCodeOf } from './device-answer.ts'
import type { Offer } from './offer.ts'
import { loginTarget } from './sign-in.ts'

/** Says which account saw the page; the handle in it keeps it from being guessed or reused. */
export function accountProof(handle: string, subject: string): string {
  return digest(`account ${handle} ${subject}`)
}

/** The model of the consent page for a person who is signed in. */
export function consentRequest(
  server: ServerContext,
  {
    handle,
    interaction,
    session,
    offer
  }: { handle: string; interaction: InteractionRecord; session: Session; offer: Offer }
): ConsentRequest {
  const { subject, displayName } = session
  const { redirectUri, device } = interaction
  const { refreshable: _, ...client } = interaction.client
  return {
    status: 'consent',
    decisionUrl: interactionPath(server, handle),
    client: { clientId: interaction.clientId, ...client },
    redirect: redirectUri === null ? null : { uri: redirectUri, ...describeRedirectUri(redirectUri) },
    device: device && { userCode: userCodeOf(server, device), requestedAt: device.requestedAt },
    resources: offer.policy.resources,
    organizations: offer.organizations,
    scopes: offer.scopes.flatMap(scope => consentScope(offer, scope, interaction)),
    stepUp: offer.stepUp,
    firstTime: offer.firstTime,
    account: {
      displayName,
      switchUrl: server.users.loginUrl(loginTarget(pageUrl(server, handle), interaction, 'login')),
      proof: accountProof(handle, subject)
    },
    uiLocales: interaction.hints.uiLocales,
    display: interaction.hints.display,
    grantTtl: server.options.grantTtl,
    expiresAt: interaction.expiresAt
  }
}

function consentScope(
  { policy, granted, stepUp }: Offer,
  scope: string,
  { scopes: asked }: InteractionRecord
): ConsentScope[] {
  const known = policy.scopes.get(scope)
  if (!known) return []
  // A step-up is the answer to something the person just asked for, so what it is about may be ticked.
  const preselected = known.required || !known.destructive || (stepUp && asked.includes(scope))
  return [{ scope, ...known, granted: granted.has(scope), preselected }]
}
