/**
 * What people are asked as JSON and endpoints for their answers, for front ends that draw the pages by script. The models are those that
 * templates get; every answer is `{ redirectTo }`.
 *
 * - `GET {prefix}/interaction/:handle/model`, `POST {prefix}/interaction/:handle/decision`: `{ decision, account, scope, organization }`
 * - `GET {prefix}/device/model`, `POST {prefix}/device/entry`: `{ user_code, proof }`
 * - `GET {prefix}/end_session/confirm/model`, `POST {prefix}/end_session/confirm/decision`: `{ decision, request, proof }`
 */
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describeDevice, describeDeviceDone } from '../device-page.ts'
import type { Pages } from '../pages.ts'
import { describeSignOut } from '../sign-out-page.ts'
import { failureOf, logFailure, retryAfterOf } from './failure.ts'
import { withoutQuery } from './logged-request.ts'

/** A header that no form can send and no other origin without our leave: it would have to be allowed by CORS first. */
export const CSRF_HEADER = 'x-mcp-auth'

type Handled = FastifyRequest<{ Params: { handle: string } }>

interface Decision {
  readonly decision: 'allow' | 'deny'
  readonly account: string
  readonly scope: readonly string[]
  readonly organization: string | undefined
}

/** Where the pages of this app are, below the prefix of its scope. */
export interface PagePaths {
  readonly interaction: string
  readonly device: string | null
  readonly signOut: string | null
}

export interface JsonContext {
  readonly pages: Pages
  readonly origin: string
  readonly manageUrl: string | null
}

/**
 * Adds the routes to a scope of their own. They need, in this order: no other origin (`Origin`, `Sec-Fetch-Site`), the header
 * `x-mcp-auth: 1`, and the cookie that binds what they are about to this browser, which the authorization server checks. CORS of the app
 * does not apply to them.
 */
export function jsonRoutes(scope: FastifyInstance, paths: PagePaths, context: JsonContext): void {
  const { pages, origin } = context
  scope.setErrorHandler(async (error, request, reply) => {
    const failure = failureOf(error)
    logFailure(request, error, failure)
    const retryAfter = retryAfterOf(error)
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    return send(reply.code(failure.statusCode), pages.errorModel({ ...failure, reference: request.id }, request))
  })
  scope.addHook('onRequest', async request => assertOwnPage(request, origin))
  interactionRoutes(scope, paths.interaction, pages)
  if (paths.device !== null) deviceRoutes(scope, paths.device, context)
  if (paths.signOut !== null) signOutRoutes(scope, paths.signOut, pages)
}

// As with the pages, the answer to a HEAD would be lost.
const GET: object = { config: { cors: false }, exposeHeadRoute: false }
const POST: object = { config: { cors: false }, bodyLimit: 65_536 }

function interactionRoutes(scope: FastifyInstance, path: string, pages: Pages): void {
  scope.get(`${path}/:handle/model`, GET, async (request: Handled, reply) => {
    const details = await scope.authorizationServer.interactions.details(request, request.params.handle)
    if (details.status === 'consent') return send(reply, await pages.consentModel(details, request))
    return send(reply, onTo(details.status === 'login' ? details.loginUrl : details.redirectTo))
  })
  scope.post(`${path}/:handle/decision`, POST, async (request: Handled, reply) => {
    const { interactions, people } = scope.authorizationServer
    await people.countRequest(request, 'decision')
    const { handle } = request.params
    const { decision, scope: scopes, ...choice } = readDecision(request.body)
    const { redirectTo } =
      decision === 'allow'
        ? await interactions.approve(request, handle, { scopes, ...choice })
        : await interactions.deny(request, handle)
    return send(reply, onTo(redirectTo))
  })
}

function deviceRoutes(scope: FastifyInstance, path: string, { pages, manageUrl }: JsonContext): void {
  const { devices } = scope.authorizationServer
  if (!devices) return
  scope.get(`${path}/model`, { ...GET, logSerializers: { req: withoutQuery } }, async (request, reply) => {
    const details = await devices.details(request, reply)
    if (details.status === 'login') return send(reply, onTo(details.loginUrl))
    const surroundings = pages.surroundings(request)
    return send(
      reply,
      details.status === 'device'
        ? describeDevice(details, surroundings)
        : describeDeviceDone(details, surroundings, manageUrl)
    )
  })
  scope.post(`${path}/entry`, POST, async (request, reply) => {
    const { user_code: userCode, proof } = readTexts(request.body, ['user_code', 'proof'])
    return send(reply, onTo((await devices.enter(request, reply, { userCode, proof })).redirectTo))
  })
}

function signOutRoutes(scope: FastifyInstance, path: string, pages: Pages): void {
  const { signOuts } = scope.authorizationServer
  if (!signOuts) return
  scope.get(`${path}/model`, GET, async (request, reply) => {
    const details = await signOuts.details(request, reply)
    if (details.status === 'settled') return send(reply, onTo(details.redirectTo))
    return send(reply, describeSignOut(details, pages.surroundings(request)))
  })
  scope.post(`${path}/decision`, POST, async (request, reply) => {
    const { decision, ...entry } = readTexts(request.body, ['decision', 'request', 'proof'])
    if (decision !== 'sign_out' && decision !== 'stay') throw new InteractionError('invalid_request')
    return send(reply, onTo((await signOuts.confirm(request, reply, { decision, ...entry })).redirectTo))
  })
}

const onTo = (redirectTo: string): object => ({ version: 1, page: 'redirect', redirectTo })

function send(reply: FastifyReply, body: object): FastifyReply {
  return reply
    .headers({
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff'
    })
    .send(body)
}

function assertOwnPage(request: FastifyRequest, origin: string): void {
  const { headers } = request
  const site = headers['sec-fetch-site']
  const foreign = headers.origin !== undefined && headers.origin !== origin
  // Every browser sends Origin with a post; what sends none is no page of ours.
  const nameless = request.method === 'POST' && headers.origin === undefined
  if (foreign || nameless || (site !== undefined && site !== 'same-origin') || headers[CSRF_HEADER] !== '1')
    throw new InteractionError('interaction_other_browser', { statusCode: 403 })
}

/** @throws InteractionError `invalid_request` */
function readDecision(body: unknown): Decision {
  const {
    decision,
    account = '',
    scope = [],
    organization
  } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const isDecision = decision === 'allow' || decision === 'deny'
  const isOrganization = organization === undefined || typeof organization === 'string'
  if (!isDecision || typeof account !== 'string' || !isTexts(scope) || !isOrganization)
    throw new InteractionError('invalid_request')
  return { decision, account, scope, organization }
}

/** Texts, all of them, and no others. @throws InteractionError `invalid_request` */
function readTexts<Name extends string>(body: unknown, names: readonly Name[]): { readonly [name in Name]: string } {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const entries = names.map(name => {
    const value = given[name]
    if (typeof value !== 'string') throw new InteractionError('invalid_request')
    return [name, value] as const
  })
  return Object.fromEntries(entries) as { readonly [name in Name]: string }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(member => typeof member === 'string')
}
