/** What a person has connected, and how to take it back: a page with plain forms, and the same as JSON for the app's own settings. */
import formbody from '@fastify/formbody'
import {
  type AuthorizationServer,
  type ConnectedApps,
  InteractionError,
  type SignedInPerson
} from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describeConnectedApps } from '../connected-apps-page.ts'
import { type FormProofs, formProofs, isOwnOrigin } from '../form-proof.ts'
import type { ConnectedAppsNotice } from '../model.ts'
import type { Pages } from '../pages.ts'
import { failureOf, logFailure, retryAfterOf } from './failure.ts'

/** Bytes: a form of two short fields. */
const BODY_LIMIT = 4096

/** Records that are looked at in one go, apps that make a page, and how often it is tried to fill one. */
const [BATCH, ENOUGH, MAX_BATCHES] = [50, 25, 20]

interface ConnectedAppsRoute {
  readonly server: AuthorizationServer<FastifyRequest, FastifyReply>
  readonly pages: Pages
  readonly proofs: FormProofs
  /** Path of the page on this origin, the prefix of its scope included. */
  readonly url: string
}

/**
 * Adds `GET` and `POST` at the path. Whoever is not signed in is sent to the app's login and comes back; as JSON that is a 401.
 *
 * Takes a form, or JSON, only with the proof that the page carried, in the browser that loaded it, for the account that saw it.
 */
export async function connectedAppsRoutes(parent: FastifyInstance, path: string, pages: Pages): Promise<void> {
  const server = parent.authorizationServer
  const route: ConnectedAppsRoute = {
    server,
    pages,
    proofs: formProofs(server.issuer, 'connected-apps'),
    url: `${parent.prefix}${path}`
  }
  await parent.register(async scope => {
    await acceptForms(scope)
    // One bucket for both: whoever loads the list in a loop should not be able to go on by posting.
    scope.addHook('onRequest', request => server.people.countRequest(request, 'connected-apps'))
    scope.setErrorHandler((error, request, reply) => refuse(error, { request, reply, pages }))
    // A host's CORS policy has no business here: no other origin may read what a person has connected.
    const config: object = { cors: false }
    scope.get(path, { config }, (request, reply) => list(route, request, reply))
    scope.post(path, { config, bodyLimit: BODY_LIMIT }, (request, reply) => revoke(route, request, reply))
  })
}

// The host may have parsers of its own, for example one that keeps JSON as bytes to check a signature.
async function acceptForms(scope: FastifyInstance): Promise<void> {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, scope.getDefaultJsonParser('error', 'error'))
  await scope.register(formbody)
}

async function list(route: ConnectedAppsRoute, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const person = await route.server.people.current(request)
  if (!person) return signIn(route, request, reply)
  const { done } = request.query as { done?: unknown }
  return show(route, { request, reply, person, notice: done === 'one' || done === 'all' ? done : null })
}

async function revoke(route: ConnectedAppsRoute, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { server, proofs } = route
  if (!isOwnOrigin(request, server.issuer)) throw new InteractionError('invalid_request', { statusCode: 403 })
  const { account, revoke: what } = readBody(request.body)
  const person = await server.people.current(request)
  if (!person) return signIn(route, request, reply)
  if (!proofs.verify(request, person.subject, account)) {
    if (wantsJson(request)) throw new InteractionError('account_changed', { statusCode: 409 })
    return show(route, { request, reply: reply.code(409), person, notice: 'stale' })
  }
  const revoked =
    what === 'all'
      ? await server.grants.revokeAll({ subject: person.subject }, 'user')
      : Number(await server.grants.revoke(what, person.subject))
  reply.header('cache-control', 'no-store')
  if (wantsJson(request)) return reply.send({ revoked })
  // Relative, so that it holds wherever the app is mounted. One that was gone already is gone: a second click is no mistake.
  return reply.redirect(`?done=${what === 'all' ? 'all' : 'one'}`, 303)
}

function readBody(body: unknown): { account: unknown; revoke: string } {
  const { account, revoke: what } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  if (typeof what !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(what)) throw new InteractionError('invalid_request')
  return { account, revoke: what }
}

async function show(
  { server, pages, proofs, url }: ConnectedAppsRoute,
  view: { request: FastifyRequest; reply: FastifyReply; person: SignedInPerson; notice: ConnectedAppsNotice | null }
): Promise<FastifyReply> {
  const { request, reply, person, notice } = view
  const after = readCursor(request.query)
  const apps = await readApps(server, person.subject, after)
  const model = describeConnectedApps(apps, pages.surroundings(request), {
    person,
    proof: proofs.issue(request, reply, person.subject),
    switchUrl: server.people.loginUrl({ returnTo: url, prompt: 'login' }),
    isLaterPage: after !== null,
    // Said by the address alone, it must not contradict what stands there.
    notice: notice === 'all' && apps.apps.length > 0 ? null : notice
  })
  if (wantsJson(request)) return sendJson(reply, model)
  const { html, headers } = await pages.draw(model, { request, reply }, { formAction: "'self'" })
  return reply.headers(headers).send(html)
}

/** Records that were revoked take room in a batch, so a page may need several. */
async function readApps(
  { grants }: ConnectedAppsRoute['server'],
  subject: string,
  after: string | null
): Promise<ConnectedApps> {
  let page = await grants.describe(subject, { limit: BATCH, cursor: after })
  const apps = [...page.apps]
  for (let batch = 1; batch < MAX_BATCHES && page.cursor !== null && apps.length < ENOUGH; batch++) {
    page = await grants.describe(subject, { limit: BATCH, cursor: page.cursor })
    apps.push(...page.apps)
  }
  return { ...page, apps }
}

function readCursor(query: unknown): string | null {
  const { after } = query as { after?: unknown }
  return typeof after === 'string' && /^[\x21-\x7E]{1,512}$/.test(after) ? after : null
}

function signIn({ server, url }: ConnectedAppsRoute, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const loginUrl = server.people.loginUrl({ returnTo: url })
  reply.header('cache-control', 'no-store')
  return wantsJson(request)
    ? sendJson(reply.code(401), { error: 'login_required', loginUrl })
    : reply.redirect(loginUrl, 303)
}

/** A browser that opens the page asks for HTML; a script says what it wants, or sends it. */
function wantsJson({ headers }: FastifyRequest): boolean {
  const accept = headers.accept ?? ''
  if (accept.includes('text/html')) return false
  return accept.includes('application/json') || (headers['content-type'] ?? '').startsWith('application/json')
}

function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .header('cross-origin-resource-policy', 'same-origin')
    .send(body)
}

async function refuse(
  error: unknown,
  { request, reply, pages }: { request: FastifyRequest; reply: FastifyReply; pages: Pages }
): Promise<FastifyReply> {
  const failure = failureOf(error)
  logFailure(request, error, failure)
  const retryAfter = retryAfterOf(error)
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  reply.code(failure.statusCode)
  if (wantsJson(request)) return sendJson(reply, { error: failure.reason, reference: request.id })
  const { html, headers } = await pages.error({ ...failure, reference: request.id }, { request, reply })
  return reply.headers(headers).send(html)
}
