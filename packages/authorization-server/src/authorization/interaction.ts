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
  randomSecret,
  type Settled
} from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { renewClient } from '../clients/resolve.ts'
import { forRequest, pageUrl, type ServerContext } from '../context.ts'
import { attachProps, type PreparedGrant, prepareGrant, storeGrant, tellOfApproval } from '../grants/lifecycle.ts'
import { lastRevocation, wasRevokedSince } from '../grants/recent-revocations.ts'
import { revokeGrant } from '../grants/revocation.ts'
import type { FrozenRequest, GrantRecord, InteractionRecord } from '../records.ts'
import type { Session } from '../users.ts'
import { answer, assertOpen, type Outcome } from './answer.ts'
import { bindBrowser } from './browser.ts'
import { accountProof, consentRequest } from './consent-request.ts'
import { answerDevice, finishedUrl } from './device-answer.ts'
import { findInteraction } from './find-interaction.ts'
import { chosenScopes, offerOf, pickedOrganization } from './offer.ts'
import { presentedClient } from './presented-client.ts'
import { rememberConsent } from './remembered-consent.ts'
import { findClient } from './request.ts'
import { codeResponse, errorResponse, type TrustedRedirect } from './response.ts'
import { isWanted, loginTarget } from './sign-in.ts'
import { isStillRemembered, rememberedGrant } from './without-page.ts'

/** Keeps a frozen request for the browser that brought it. @returns the handle */
export async function startInteraction(
  server: ServerContext,
  frozen: FrozenRequest,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply }
): Promise<string> {
  const handle = randomSecret()
  await server.records.interactions.insert(digest(handle), {
    ...frozen,
    browserDigest: bindBrowser(server, request, reply),
    // A device does not wait for longer than it was told.
    expiresAt: Math.min(
      server.clock.now() + server.options.interactionTtl,
      frozen.device?.expiresAt ?? Number.MAX_SAFE_INTEGER
    ),
    answeredAt: null,
    staleSignIns: 0,
    outcome: null
  })
  const { clientId, resources, scopes } = frozen
  server.emit('authorization.requested', { clientId, resources, scopes })
  return handle
}

/** The `interactions` of `app.authorizationServer`. */
export function createInteractions(context: ServerContext): AuthorizationServer<FastifyRequest>['interactions'] {
  return {
    client: (request, handle) => presentedClient(context, request, handle),

    async details(request, handle) {
      const server = forRequest(context, request)
      await server.limits?.count(request, { endpoint: 'interaction', limit: 'authorize' })
      const interaction = await findInteraction(server, request, handle)
      const session = await freshSession(server, request, interaction)
      const settled = session && (await settle(server, handle, { interaction, session }))
      if (settled) return settled
      assertOpen(server, interaction)
      if (!session) return nextLogin(server, handle, { request, interaction })
      const offer = await offerOf(server, interaction, session)
      if (offer.scopes.length > 0) return consentRequest(server, { handle, interaction, session, offer })
      const { subject } = session
      return {
        status: 'settled',
        ...(await refuse(server, handle, { interaction, subject, why: 'this user may not allow it' }))
      }
    },

    async approve(request, handle, choice) {
      const server = forRequest(context, request)
      // Before the session is looked at: who is shut out from now on must not get past with this decision.
      const [interaction, since] = await Promise.all([findInteraction(server, request, handle), lastRevocation(server)])
      const session = await freshSession(server, request, interaction)
      if (!session) return { redirectTo: loginRequest(server, handle, interaction).loginUrl }
      const { subject } = session
      if (!equalInConstantTime(choice.account, accountProof(handle, subject))) {
        throw new InteractionError('account_changed', { statusCode: 409, clientName: interaction.client.name })
      }
      const offer = await offerOf(server, interaction, session)
      const organization = pickedOrganization(offer, choice.organization)
      const scopes = chosenScopes(offer, { request: interaction, organization, ticked: choice.scopes })
      if (scopes.length === 0) return refuse(server, handle, { interaction, subject })
      const grant = prepareGrant(server, { request: interaction, session, organization, scopes })
      return allow(server, handle, {
        interaction,
        grant,
        async afterwards(given) {
          await rememberConsent(server, given)
          if (!(await wasRevokedSince(server, given.record, since))) return
          await revokeGrant(server, given.grantId, { reason: 'access_withdrawn' })
          throw withdrawn(interaction)
        }
      })
    },

    async deny(request, handle) {
      const server = forRequest(context, request)
      const interaction = await findInteraction(server, request, handle)
      const subject = (await server.users.session(request))?.subject ?? null
      return refuse(server, handle, { interaction, subject })
    }
  }
}

/** Answers in place of the person, where what they allowed before covers it. */
async function settle(
  server: ServerContext,
  handle: string,
  { interaction, session }: { interaction: InteractionRecord; session: Session }
): Promise<Settled | null> {
  const grant = await rememberedGrant(server, interaction, session)
  if (!grant) return null
  const { redirectTo } = await allow(server, handle, {
    interaction,
    grant,
    afterwards: async given => {
      if (!(await isStillRemembered(server, given))) throw withdrawn(interaction)
    }
  })
  return { status: 'settled', redirectTo }
}

/** Access was taken back while it was given. */
function withdrawn({ client }: InteractionRecord): InteractionError {
  return new InteractionError('interaction_answered', { statusCode: 409, clientName: client.name })
}

type AnsweredGrant = NonNullable<Outcome['grant']>

/** The way of every yes: the interaction is consumed, then the grant is stored, then what follows from it is done, once. */
async function allow(
  server: ServerContext,
  handle: string,
  {
    interaction,
    grant,
    afterwards
  }: { interaction: InteractionRecord; grant: PreparedGrant; afterwards: (given: AnsweredGrant) => Promise<void> }
): Promise<{ redirectTo: string }> {
  const { grantId, code } = grant
  const record = await recordFor(server, interaction, grant)
  const redirectTo = answerUrl(server, { handle, interaction }, trusted => codeResponse(server.issuer, trusted, code))
  const outcome = { redirectTo, grant: { grantId, record } }
  const given = await answer(server, { handle, interaction, decision: record, outcome })
  if (given.grant) await answerDevice(server, { handle, interaction, grantId: given.grant.grantId })
  if (given.first && given.grant) tellOfApproval(server, given.grant)
  if (given.grant && (await storeGrant(server, given.grant))) await afterwards(given.grant)
  return { redirectTo: given.redirectTo }
}

/**
 * For a client that is still there, which is in use from now on; with what the app attaches, where this answer can still be the one that
 * counts.
 *
 * @throws InteractionError `client_forgotten` or `unknown_client` for a client that was removed since it asked
 */
async function recordFor(
  server: ServerContext,
  interaction: InteractionRecord,
  grant: PreparedGrant
): Promise<GrantRecord> {
  const { clientId, answeredAt } = interaction
  if (answeredAt === null) assertOpen(server, interaction)
  if (!(await renewClient(server, clientId, grant.record.endsAt))) await findClient(server, clientId)
  if (answeredAt !== null) return grant.record
  // Nobody will ever have the code of a device's grant to read them with: they are attached when the device comes.
  return interaction.device ? grant.record : attachProps(server, grant)
}

async function refuse(
  server: ServerContext,
  handle: string,
  {
    interaction,
    subject,
    why = 'the user said no'
  }: { interaction: InteractionRecord; subject: string | null; why?: string }
): Promise<{ redirectTo: string }> {
  const given = await answerWithError(server, { handle, interaction, error: new OAuthError('access_denied', why) })
  if (given.first) server.emit('authorization.denied', { clientId: interaction.clientId, subject })
  return { redirectTo: given.redirectTo }
}

/** The way of every no. */
async function answerWithError(
  server: ServerContext,
  { handle, interaction, error }: { handle: string; interaction: InteractionRecord; error: OAuthError }
): Promise<Outcome & { first: boolean }> {
  const redirectTo = answerUrl(server, { handle, interaction }, trusted => errorResponse(server.issuer, trusted, error))
  const outcome = { redirectTo, grant: null }
  const given = await answer(server, { handle, interaction, decision: 'deny', outcome })
  await answerDevice(server, { handle, interaction, grantId: null })
  return given
}

/** To the client with the answer, or for a device to the page that says that it knows. */
function answerUrl(
  server: ServerContext,
  { handle, interaction }: { handle: string; interaction: InteractionRecord },
  respond: (trusted: TrustedRedirect) => string
): string {
  const { redirectUri, state } = interaction
  return redirectUri === null ? finishedUrl(server, handle) : respond({ redirectUri, state })
}

/** Who is signed in, unless that was too long ago for this request, or it wants somebody else. */
async function freshSession(
  server: ServerContext,
  request: FastifyRequest,
  interaction: InteractionRecord
): Promise<Session | null> {
  const session = await server.users.session(request)
  return session && isWanted(server, session, interaction) ? session : null
}

/** So many sign-ins that are not fresh enough are enough: a browser that runs in a circle would make ever more. */
const MAX_STALE_SIGN_INS = 5

/**
 * The login once more. One that ignores `prompt: 'login'` comes back at once with the same old sign-in, and would for ever.
 *
 * @see OpenID Connect Core section 3.1.2.6 (`login_required`)
 */
async function nextLogin(
  server: ServerContext,
  handle: string,
  { request, interaction }: { request: FastifyRequest; interaction: InteractionRecord }
): Promise<LoginRequest | Settled> {
  const { staleSignIns, clientId } = interaction
  const isStale = (await server.users.session(request)) !== null
  if (!isStale) return loginRequest(server, handle, interaction)
  if (staleSignIns < MAX_STALE_SIGN_INS) {
    await server.records.interactions.update(digest(handle), { staleSignIns }, { staleSignIns: staleSignIns + 1 })
    return loginRequest(server, handle, interaction)
  }
  server.log.error(
    { clientId },
    'authorization-server: users.loginUrl leads to a page that does not sign in anew: with "prompt" or a maximum age, users.current() has to answer with an authTime after the request'
  )
  const error = new OAuthError('login_required', 'the sign-in was not renewed', { reason: 'sign_in_not_renewed' })
  const given = await answerWithError(server, { handle, interaction, error })
  if (given.first) server.emit('authorization.refused', { clientId, error: error.error, reason: error.reason })
  return { status: 'settled', redirectTo: given.redirectTo }
}

function loginRequest(server: ServerContext, handle: string, interaction: InteractionRecord): LoginRequest {
  return { status: 'login', loginUrl: server.users.loginUrl(loginTarget(pageUrl(server, handle), interaction)) }
}
