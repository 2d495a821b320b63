/**
 * Sign-out that a client asks for: the app's own session in this browser ends. What people allowed to clients stays, as it does when they
 * sign out in the app itself.
 *
 * At once only where the client shows an ID token of the very person; else anybody could sign people out by a link, and so the person
 * is asked.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 sections 2 and 3
 */
import {
  type AuthorizationServer,
  describeRedirectUri,
  equalInConstantTime,
  InteractionError,
  isInteractionError,
  isOAuthError
} from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { bindBrowser, browserDigest, browserProof } from '../authorization/browser.ts'
import { signedOutResponse } from '../authorization/response.ts'
import type { Client } from '../clients/client.ts'
import { resolveClient } from '../clients/resolve.ts'
import { endpointPath, forRequest, type ServerContext } from '../context.ts'
import { type Form, readForm } from '../form-body.ts'
import type { Session } from '../users.ts'
import { type IdTokenHint, readIdTokenHint } from './id-token-hint.ts'
import { pairwiseSub, sectorOf } from './pairwise.ts'

type SignOuts = NonNullable<AuthorizationServer<FastifyRequest, FastifyReply>['signOuts']>

interface Http {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Whether there is something to end, and somebody to ask for it. */
export function endsSessions({ options, users }: Pick<ServerContext, 'options' | 'users'>): boolean {
  return options.openid !== undefined && users.signOut !== null
}

/** Where the browser goes afterwards: a URI that was matched for a client that was found, or null for a page of ours. */
interface Destination {
  readonly client: { readonly clientId: string; readonly name: string } | null
  readonly redirectUri: string | null
  readonly state: string | null
}

/** What of a state is kept while the person is asked: it stands in a URL, encrypted. */
const MAX_STATE = 2048

/**
 * @returns where the browser goes next
 * @throws InteractionError `invalid_request`, `unknown_client`, `redirect_uri`: a page, never a redirect
 * @throws UnavailableError
 */
export async function beginSignOut(server: ServerContext, form: Form, http: Http): Promise<string> {
  // One that is not ours counts as none: then the person is asked.
  const hint = form.id_token_hint === undefined ? null : await readIdTokenHint(server, form.id_token_hint)
  const clientId = readClientId(form, hint)
  const client = clientId === null ? null : await findClient(server, clientId)
  const destination = destinationOf(form, client)
  const session = await server.users.session(http.request)
  if (session && hint !== null && hint.sub === subFor(server, { client, session })) {
    await signOut(server, { destination, session }, http)
    return afterwards(server, destination)
  }
  return session ? question(server, destination, http) : afterwards(server, destination)
}

function readClientId({ client_id: named }: Form, hint: IdTokenHint | null): string | null {
  if (hint && named !== undefined && named !== hint.clientId) throw new InteractionError('invalid_request')
  return hint?.clientId ?? named ?? null
}

// A client that is gone can still be signed out from, but leads nowhere.
async function findClient(server: ServerContext, clientId: string): Promise<Client | null> {
  try {
    return await resolveClient(server, clientId)
  } catch (error) {
    if (isOAuthError(error) || isInteractionError(error)) return null
    throw error
  }
}

// Character by character, the port of a loopback address too: there is no reason to guess.
function destinationOf(form: Form, client: Client | null): Destination {
  const { post_logout_redirect_uri: uri } = form
  const state = form.state ?? null
  const told = client && { clientId: client.clientId, name: client.name }
  if (uri === undefined) return { client: told, redirectUri: null, state: null }
  if (!client) throw new InteractionError('unknown_client')
  if (!client.postLogoutRedirectUris.includes(uri))
    throw new InteractionError('redirect_uri', { clientName: client.name })
  if (state !== null && state.length > MAX_STATE) throw new InteractionError('invalid_request')
  return { client: told, redirectUri: uri, state }
}

/** How ID tokens for this client call the person. */
function subFor(
  server: ServerContext,
  { client, session: { subject } }: { client: Client | null; session: Session }
): string | null {
  if (!server.options.pairwiseSubjects) return subject
  return client && pairwiseSub(server, { sector: sectorOf(client), subject })
}

async function signOut(
  server: ServerContext,
  { destination, session }: { destination: Destination; session: Session },
  { request, reply }: Http
): Promise<void> {
  await server.users.signOut?.(request, reply)
  server.emit('session.ended', { subject: session.subject, clientId: destination.client?.clientId ?? null })
}

function afterwards(server: ServerContext, { redirectUri, state }: Destination): string {
  if (redirectUri !== null) return signedOutResponse({ redirectUri, state })
  return server.pages.signedOutUrl ?? home(server)
}

/** Where the app begins: on its own host, or below the path that it has there. */
const home = ({ issuer }: ServerContext): string => new URL(issuer).pathname

const confirmPath = (server: ServerContext): string => endpointPath(server, 'end_session/confirm')

interface Asked extends Destination {
  readonly expiresAt: number
}

/** Kept by the browser itself, encrypted and of no use in another one: nothing has to be stored for a stranger's link. */
function question(server: ServerContext, destination: Destination, { request, reply }: Http): string {
  const asked: Asked = { ...destination, expiresAt: server.clock.now() + server.options.interactionTtl }
  const sealed = server.keyRing.seal(JSON.stringify(asked), context(bindBrowser(server, request, reply)))
  return `${confirmPath(server)}?${new URLSearchParams({ request: sealed })}`
}

const context = (browser: string): string => JSON.stringify(['sign-out', browser])

/** The `signOuts` of `app.authorizationServer`. */
export function createSignOuts(context: ServerContext): SignOuts {
  const path = confirmPath(context)
  return {
    path,
    async details(request) {
      const server = forRequest(context, request)
      await server.limits?.count(request, { endpoint: 'sign-out', limit: 'authorize' })
      const { request: sealed = '' } = readForm(request.query)
      const { asked, browser } = open(server, request, sealed)
      const session = await server.users.session(request)
      if (!session) return { status: 'settled', redirectTo: afterwards(server, asked) }
      const { client, redirectUri } = asked
      const redirect = redirectUri === null ? null : describeRedirectUri(redirectUri)
      return {
        status: 'sign_out',
        submitUrl: path,
        request: sealed,
        proof: browserProof(browser, [path, session.subject, sealed]),
        client,
        account: { displayName: session.displayName },
        redirectHost: redirect?.host ?? null,
        formAction: redirect ? `'self' ${redirect.formAction}` : "'self'"
      }
    },
    async confirm(request, reply, { request: sealed, proof, decision }) {
      const server = forRequest(context, request)
      const { asked, browser } = open(server, request, sealed)
      const session = await server.users.session(request)
      if (!session) return { redirectTo: afterwards(server, asked) }
      if (!equalInConstantTime(proof, browserProof(browser, [path, session.subject, sealed])))
        throw new InteractionError('account_changed', { statusCode: 409, clientName: asked.client?.name ?? null })
      // Who wants to stay is not sent to the client: it would think that they had left.
      if (decision === 'stay') return { redirectTo: home(server) }
      await signOut(server, { destination: asked, session }, { request, reply })
      return { redirectTo: afterwards(server, asked) }
    }
  }
}

/** @throws InteractionError for a question of another browser, or that is too old */
function open(server: ServerContext, request: FastifyRequest, sealed: string): { asked: Asked; browser: string } {
  const browser = browserDigest(server, request)
  const text = browser === null ? null : server.keyRing.unseal(sealed, context(browser))
  if (browser === null || text === null) throw new InteractionError('interaction_other_browser', { statusCode: 403 })
  const asked = JSON.parse(text) as Asked
  if (asked.expiresAt <= server.clock.now()) throw new InteractionError('interaction_expired', { statusCode: 410 })
  return { asked, browser }
}
