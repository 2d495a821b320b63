/**
 * The question as JSON and an endpoint for the answer, for front ends that draw the page by script.
 *
 * - `GET {prefix}/interaction/:handle/model`: the model that templates get
 * - `POST {prefix}/interaction/:handle/decision`: `{ decision, account, scope, organization }`, answered with `{ redirectTo }`
 */
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Pages } from '../pages.ts'
import { failureOf, logFailure, retryAfterOf } from './failure.ts'

/** A header that no form can send and no other origin without our leave: it would have to be allowed by CORS first. */
export const CSRF_HEADER = 'x-mcp-auth'

type Handled = FastifyRequest<{ Params: { handle: string } }>

interface Decision {
  readonly decision: 'allow' | 'deny'
  readonly account: string
  readonly scope: readonly string[]
  readonly organization: string | undefined
}

/**
 * Adds the routes to a scope of their own. They need, in this order: no other origin (`Origin`, `Sec-Fetch-Site`), the header
 * `x-mcp-auth: 1`, and the cookie that binds the handle to this browser, which the authorization server checks. CORS of the app
 * does not apply to them.
 */
export function jsonRoutes(
  scope: FastifyInstance,
  path: string,
  { pages, origin }: { pages: Pages; origin: string }
): void {
  scope.setErrorHandler(async (error, request, reply) => {
    const failure = failureOf(error)
    logFailure(request, error, failure)
    const retryAfter = retryAfterOf(error)
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    const model = pages.errorModel({ ...failure, reference: request.id }, request)
    return send(reply, failure.statusCode, model)
  })
  scope.addHook('onRequest', async request => assertOwnPage(request, origin))

  const config: object = { cors: false }
  scope.get(`${path}/:handle/model`, { config }, async (request: Handled, reply) => {
    const details = await scope.authorizationServer.interactions.details(request, request.params.handle)
    if (details.status === 'consent') return send(reply, 200, await pages.consentModel(details, request))
    const redirectTo = details.status === 'login' ? details.loginUrl : details.redirectTo
    return send(reply, 200, { version: 1, page: 'redirect', redirectTo })
  })
  scope.post(`${path}/:handle/decision`, { config, bodyLimit: 65_536 }, async (request: Handled, reply) => {
    const { interactions, people } = scope.authorizationServer
    await people.countRequest(request, 'decision')
    const { handle } = request.params
    const { decision, scope: scopes, ...choice } = readDecision(request.body)
    const { redirectTo } =
      decision === 'allow'
        ? await interactions.approve(request, handle, { scopes, ...choice })
        : await interactions.deny(request, handle)
    return send(reply, 200, { version: 1, page: 'redirect', redirectTo })
  })
}

function send(reply: FastifyReply, statusCode: number, body: object): FastifyReply {
  return reply
    .code(statusCode)
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

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(member => typeof member === 'string')
}
