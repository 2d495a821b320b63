/**
 * Between the authorization request and its answer: what was asked is frozen here, a person signs in with the app's own login,
 * sees who asks for what, and decides once. The browser carries only a handle, worthless without this browser's cookie.
 */
import {
  type AuthorizationServer,
  digest,
  equalInConstantTime,
  InteractionError,
  type LoginRequest,
  OAuthError,
  randomSecret
} from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { OFFLINE_ACCESS, type ResourcePolicy } from '../catalogue.ts'
import { pageUrl, type ServerContext } from '../context.ts'
import { approveGrant } from '../grants/lifecycle.ts'
import type { InteractionRecord } from '../records.ts'
import { bindBrowser, browserDigest } from './browser.ts'
import { accountProof, consentRequest } from './consent-request.ts'
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

function chosenScopes(policy: ResourcePolicy, asked: readonly string[], ticked: readonly string[]): string[] {
  const kept = asked.filter(
    scope => policy.scopes.has(scope) && (policy.scopes.get(scope)?.required || ticked.includes(scope))
  )
  return kept.length > 0 && asked.includes(OFFLINE_ACCESS) ? [...kept, OFFLINE_ACCESS] : kept
}
