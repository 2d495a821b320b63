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
import { OFFLINE_ACCESS } from '../catalogue.ts'
import { pageUrl, type ServerContext } from '../context.ts'
import { prepareGrant, storeGrant } from '../grants/lifecycle.ts'
import { sectorOf } from '../openid/pairwise.ts'
import type { InteractionRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { answer, assertOpen, type Outcome } from './answer.ts'
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
      names: client.names,
      verifiedHost: client.verifiedHost,
      clientUri: client.clientUri,
      policyUri: client.policyUri,
      tosUri: client.tosUri,
      refreshable: client.grantTypes.includes('refresh_token')
    },
    redirectUri,
    state,
    resources: [...asked.resources],
    scopes: [...asked.scopes],
    codeChallenge: asked.codeChallenge,
    nonce: asked.nonce,
    sector: sectorOf(client),
    browserDigest: bindBrowser(server, asked.request, asked.reply),
    expiresAt: server.clock.now() + server.options.interactionTtl,
    answeredAt: null,
    outcome: null
  })
  const { resources, scopes } = asked
  server.emit('authorization.requested', { clientId: client.clientId, resources, scopes })
  return handle
}

/** The `interactions` of `app.authorizationServer`. */
export function createInteractions(server: ServerContext): AuthorizationServer<FastifyRequest>['interactions'] {
  return {
    async details(request, handle) {
      await server.limits?.count(request, { endpoint: 'interaction', limit: 'authorize' })
      const interaction = await findInteraction(server, request, handle)
      assertOpen(server, interaction)
      const session = await server.users.session(request)
      return session ? consentRequest(server, { handle, interaction, session }) : loginRequest(server, handle)
    },

    async approve(request, handle, choice) {
      const interaction = await findInteraction(server, request, handle)
      const session = await server.users.session(request)
      if (!session) return { redirectTo: loginRequest(server, handle).loginUrl }
      const { subject, authTime } = session
      if (!equalInConstantTime(choice.account, accountProof(handle, subject))) {
        throw new InteractionError('account_changed', { statusCode: 409, clientName: interaction.client.name })
      }
      const scopes = chosenScopes(server.catalogue.resolveAll(interaction.resources), interaction.scopes, choice.scopes)
      if (scopes.length === 0) return refuse(server, handle, { interaction, subject })
      const grant = await prepareGrant(server, { interaction, scopes, subject, authTime })
      const redirectTo = codeResponse(server.issuer, interaction, grant.code)
      const given = await answer(server, {
        handle,
        interaction,
        decision: { subject, scopes },
        outcome: { redirectTo, grant: { grantId: grant.grantId, record: grant.record } }
      })
      if (given.first && given.grant) tellOfApproval(server, given.grant)
      if (given.grant) await storeGrant(server, given.grant)
      return { redirectTo: given.redirectTo }
    },

    async deny(request, handle) {
      const interaction = await findInteraction(server, request, handle)
      const subject = (await server.users.session(request))?.subject ?? null
      return refuse(server, handle, { interaction, subject })
    }
  }
}

function tellOfApproval(server: ServerContext, { grantId, record }: NonNullable<Outcome['grant']>): void {
  const { clientId, subject, organization, resources, scopes } = record
  server.emit('authorization.approved', { grantId, clientId, subject, organization, resources, scopes })
}

async function findInteraction(
  server: ServerContext,
  request: FastifyRequest,
  handle: string
): Promise<InteractionRecord> {
  const interaction = await server.records.interactions.get(digest(handle))
  if (!interaction) throw new InteractionError('interaction_unknown', { statusCode: 404 })
  const browser = browserDigest(server, request)
  // Nothing is told to another browser, not even which client it is about.
  if (browser === null || !equalInConstantTime(browser, interaction.browserDigest)) {
    throw new InteractionError('interaction_other_browser', { statusCode: 403 })
  }
  return interaction
}

async function refuse(
  server: ServerContext,
  handle: string,
  { interaction, subject }: { interaction: InteractionRecord; subject: string | null }
): Promise<{ redirectTo: string }> {
  const redirectTo = errorResponse(server.issuer, interaction, new OAuthError('access_denied', 'the user said no'))
  const given = await answer(server, { handle, interaction, decision: 'deny', outcome: { redirectTo, grant: null } })
  if (given.first) server.emit('authorization.denied', { clientId: interaction.clientId, subject })
  return { redirectTo: given.redirectTo }
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
