/**
 * Between the authorization request and its answer: what was asked is frozen here, a person signs in with the app's own login,
 * sees who asks for what, and decides once. The browser carries only a handle, worthless without this browser's cookie.
 */
import {
  type AuthorizationServer,
  type ConsentRequest,
  type ConsentScope,
  describeRedirectUri,
  digest,
  equalInConstantTime,
  expandScopes,
  InteractionError,
  type LoginRequest,
  OAuthError,
  randomSecret
} from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { OFFLINE_ACCESS, type ResourcePolicy } from '../catalogue.ts'
import { interactionPath, type ServerContext } from '../context.ts'
import { approveGrant, liveGrants } from '../grants/lifecycle.ts'
import type { InteractionRecord } from '../records.ts'
import type { Session } from '../users.ts'
import { bindBrowser, browserDigest } from './browser.ts'
import type { AuthorizationRequest, TrustedClient } from './request.ts'
import { codeResponse, errorResponse } from './response.ts'

/** Freezes a request. @returns the handle */
export async function startInteraction(
  server: ServerContext,
  { client, redirectUri, state }: TrustedClient,
  asked: AuthorizationRequest & { request: FastifyRequest; reply: FastifyReply }
): Promise<string> {
  const handle = randomSecret()
  await server.records.interactions.insert(digest(handle), {
    clientId: client.clientId,
    client: {
      name: client.name,
      verifiedHost: client.verifiedHost,
      clientUri: client.clientUri,
      policyUri: client.policyUri,
      tosUri: client.tosUri,
      refreshable: client.grantTypes.includes('refresh_token')
    },
    redirectUri,
    state,
    resource: asked.resource,
    scopes: [...asked.scopes],
    codeChallenge: asked.codeChallenge,
    browserDigest: bindBrowser(server, asked.request, asked.reply),
    expiresAt: server.clock.now() + server.options.interactionTtl,
    answeredAt: null
  })
  return handle
}

/** Where a person goes next: to sign in, or to decide. */
export function pageUrl(server: ServerContext, handle: string): string {
  return server.options.interactionUrl?.(handle) ?? interactionPath(server, handle)
}

/** The `interactions` of `app.authorizationServer`. */
export function createInteractions(server: ServerContext): AuthorizationServer<FastifyRequest>['interactions'] {
  return {
    async details(request, handle) {
      const interaction = await load(server, request, handle)
      const session = await server.users.session(request)
      return session ? consentRequest(server, { handle, interaction, session }) : loginRequest(server, handle)
    },

    async approve(request, handle, choice) {
      const interaction = await load(server, request, handle)
      const session = await server.users.session(request)
      if (!session) return { redirectTo: loginRequest(server, handle).loginUrl }
      const { subject, authTime } = session
      if (!equalInConstantTime(choice.account, accountProof(handle, subject))) {
        throw new InteractionError('account_changed', { statusCode: 409, clientName: interaction.client.name })
      }
      const scopes = chosenScopes(server.catalogue.resolve(interaction.resource), interaction.scopes, choice.scopes)
      if (scopes.length === 0) return refuse(server, handle, { interaction, subject })
      await answer(server, handle, interaction)
      const code = await approveGrant(server, { interaction, scopes, subject, authTime })
      return { redirectTo: codeResponse(server.issuer, interaction, code) }
    },

    async deny(request, handle) {
      const interaction = await load(server, request, handle)
      const subject = (await server.users.session(request))?.subject ?? ''
      return refuse(server, handle, { interaction, subject })
    }
  }
}

async function load(server: ServerContext, request: FastifyRequest, handle: string): Promise<InteractionRecord> {
  const interaction = await server.records.interactions.get(digest(handle))
  if (!interaction) throw new InteractionError('interaction_unknown', { statusCode: 404 })
  const browser = browserDigest(server, request)
  // Nothing is told to another browser, not even which client it is about.
  if (browser === null || !equalInConstantTime(browser, interaction.browserDigest)) {
    throw new InteractionError('interaction_other_browser', { statusCode: 403 })
  }
  const clientName = interaction.client.name
  if (interaction.answeredAt !== null)
    throw new InteractionError('interaction_answered', { statusCode: 409, clientName })
  if (interaction.expiresAt <= server.clock.now())
    throw new InteractionError('interaction_expired', { statusCode: 410, clientName })
  return interaction
}

/** Consumes the interaction: one winner, before anything is issued for it. */
async function answer(server: ServerContext, handle: string, interaction: InteractionRecord): Promise<void> {
  const won = await server.records.interactions.update(
    digest(handle),
    { answeredAt: null },
    { answeredAt: server.clock.now() }
  )
  if (!won) throw new InteractionError('interaction_answered', { statusCode: 409, clientName: interaction.client.name })
}

async function refuse(
  server: ServerContext,
  handle: string,
  { interaction, subject }: { interaction: InteractionRecord; subject: string }
): Promise<{ redirectTo: string }> {
  await answer(server, handle, interaction)
  server.emit('interaction.denied', { clientId: interaction.clientId, subject })
  return { redirectTo: errorResponse(server.issuer, interaction, new OAuthError('access_denied', 'the user said no')) }
}

function loginRequest(server: ServerContext, handle: string): LoginRequest {
  return { status: 'login', loginUrl: server.users.loginUrl({ returnTo: pageUrl(server, handle) }) }
}

// Says which account saw the page; the handle in it keeps it from being guessed or reused.
function accountProof(handle: string, subject: string): string {
  return digest(`account ${handle} ${subject}`)
}

function chosenScopes(policy: ResourcePolicy, asked: readonly string[], ticked: readonly string[]): string[] {
  const kept = asked.filter(
    scope => policy.scopes.has(scope) && (policy.scopes.get(scope)?.required || ticked.includes(scope))
  )
  return kept.length > 0 && asked.includes(OFFLINE_ACCESS) ? [...kept, OFFLINE_ACCESS] : kept
}

async function consentRequest(
  server: ServerContext,
  { handle, interaction, session }: { handle: string; interaction: InteractionRecord; session: Session }
): Promise<ConsentRequest> {
  const { subject, displayName } = session
  const policy = server.catalogue.resolve(interaction.resource)
  const granted = await grantedBefore(server, interaction, subject)
  const stepUp = granted.size > 0 && interaction.scopes.some(scope => policy.scopes.has(scope) && !granted.has(scope))
  const { refreshable: _, ...client } = interaction.client
  return {
    status: 'consent',
    decisionUrl: interactionPath(server, handle),
    client: { clientId: interaction.clientId, ...client },
    redirect: { uri: interaction.redirectUri, ...describeRedirectUri(interaction.redirectUri) },
    resource: { resource: policy.resource, name: policy.name },
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
  return [{ scope, ...known, granted: granted.has(scope), preselected: known.required || !known.destructive || stepUp }]
}

/** What this person allowed this client at this resource and could still use. For display only: every request is asked. */
async function grantedBefore(
  server: ServerContext,
  interaction: InteractionRecord,
  subject: string
): Promise<Set<string>> {
  const grants = await liveGrants(server, subject)
  const same = grants.filter(
    grant => grant.clientId === interaction.clientId && grant.resource === interaction.resource
  )
  return expandScopes(
    same.flatMap(grant => grant.scopes),
    server.catalogue.resolve(interaction.resource).hierarchy
  )
}
