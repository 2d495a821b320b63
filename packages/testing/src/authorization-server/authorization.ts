/** Authorization endpoint of a fake authorization server, with its login and consent pages, and pushed requests. */
import { randomSecret } from '@fastify-mcp-auth/core'
import { type Answer, jsonAnswer, type ReceivedRequest } from '../loopback/server.ts'
import { authenticateClient, findClient } from './clients.ts'
import { type AuthorizationServerContext, checkResource, RefusedRequest, refusal, scopesOf } from './context.ts'
import type { FakeClient, FakeCode, FakeGrant } from './records.ts'

const PUSHED_PREFIX = 'urn:ietf:params:oauth:request_uri:'
const SESSION = 'fake_session'

/** @see RFC 9126 section 2 */
export async function pushRequest(context: AuthorizationServerContext, request: ReceivedRequest): Promise<Answer> {
  const form = new URLSearchParams(request.body)
  try {
    const client = await authenticateClient(context, request, form)
    form.set('client_id', client.clientId)
    checkResource(context, form.get('resource'))
    const uri = `${PUSHED_PREFIX}${randomSecret(18)}`
    context.records.pushedRequests.set(uri, { parameters: form, expiresAt: context.clock.now() + 60 })
    return jsonAnswer(201, { request_uri: uri, expires_in: 60 })
  } catch (error) {
    return refusal(context, error, form.get('client_id'))
  }
}

/**
 * Shows the login page, the consent page, or sends the browser back. What cannot be sent back is an HTML page.
 *
 * @see RFC 6749 section 4.1.1
 */
export async function authorize(context: AuthorizationServerContext, request: ReceivedRequest): Promise<Answer> {
  let client: FakeClient
  let parameters: URLSearchParams
  try {
    parameters = readParameters(context, request.url.searchParams)
    client = await findClient(context, parameters.get('client_id'))
    assertRedirectUri(client, parameters.get('redirect_uri'))
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    context.records.note('request.refused', context.clock.now(), {}, error.error)
    return page(error.status, 'Error', `<p>${error.message}</p>`)
  }
  const problem = problemOf(context, parameters)
  if (problem) return sendBack(context, parameters, { error: problem.error, error_description: problem.message })
  const subject = subjectOf(context, request)
  if (request.method === 'POST') return answerForm(context, request, { client, parameters, subject })
  if (subject === null) return page(200, 'Sign in', loginForm())
  return context.behaviour.consent === 'automatic'
    ? grant(context, client, parameters, subject)
    : page(200, 'Allow?', consentForm(subject))
}

function answerForm(
  context: AuthorizationServerContext,
  request: ReceivedRequest,
  asked: { client: FakeClient; parameters: URLSearchParams; subject: string | null }
): Answer {
  const form = new URLSearchParams(request.body)
  const username = form.get('username')
  if (username !== null) {
    const cookie = `${SESSION}=${encodeURIComponent(username)}; Path=/; HttpOnly; SameSite=Lax`
    return { status: 303, headers: { location: request.url.href, 'set-cookie': cookie } }
  }
  if (asked.subject === null) return page(200, 'Sign in', loginForm())
  if (form.get('decision') === 'allow') return grant(context, asked.client, asked.parameters, asked.subject)
  context.records.note('authorization.denied', context.clock.now(), {
    clientId: asked.client.clientId,
    subject: asked.subject
  })
  return sendBack(context, asked.parameters, { error: 'access_denied', error_description: 'the person said no' })
}

function grant(
  context: AuthorizationServerContext,
  client: FakeClient,
  parameters: URLSearchParams,
  subject: string
): Answer {
  const { records, clock, behaviour } = context
  const granted: FakeGrant = {
    grantId: `grant-${randomSecret(9)}`,
    clientId: client.clientId,
    subject,
    scopes: behaviour.grantScopes(scopesOf(parameters.get('scope'))),
    resource: parameters.get('resource'),
    issuedAt: clock.now(),
    dpopJkt: parameters.get('dpop_jkt'),
    endedBy: null
  }
  const code: FakeCode = {
    code: `code-${randomSecret(18)}`,
    grant: granted,
    redirectUri: parameters.get('redirect_uri'),
    codeChallenge: parameters.get('code_challenge'),
    expiresAt: clock.now() + behaviour.codeLifetime,
    redeemed: false
  }
  records.grants.set(granted.grantId, granted)
  records.codes.set(code.code, code)
  records.note('authorization.granted', clock.now(), granted)
  return sendBack(context, parameters, { code: code.code })
}

function readParameters(context: AuthorizationServerContext, query: URLSearchParams): URLSearchParams {
  const uri = query.get('request_uri')
  if (uri === null) {
    if (context.behaviour.pushedAuthorization === 'required')
      throw new RefusedRequest('invalid_request', 'the request must be pushed')
    return query
  }
  const pushed = context.records.pushedRequests.get(uri)
  if (
    !pushed ||
    pushed.expiresAt <= context.clock.now() ||
    pushed.parameters.get('client_id') !== query.get('client_id')
  )
    throw new RefusedRequest('invalid_request_uri', 'the request is not known')
  return pushed.parameters
}

function problemOf(context: AuthorizationServerContext, parameters: URLSearchParams): RefusedRequest | null {
  if (parameters.get('response_type') !== 'code') return new RefusedRequest('unsupported_response_type', 'only code')
  if (parameters.get('code_challenge_method') !== 'S256' || !parameters.get('code_challenge'))
    return new RefusedRequest('invalid_request', 'PKCE with S256 is required')
  try {
    checkResource(context, parameters.get('resource'))
    return null
  } catch (error) {
    if (error instanceof RefusedRequest) return error
    throw error
  }
}

function assertRedirectUri(client: FakeClient, uri: string | null): void {
  const registered = client.metadata['redirect_uris']
  if (uri === null || !Array.isArray(registered) || !registered.includes(uri))
    throw new RefusedRequest('invalid_request', 'the redirect URI is not registered')
}

function subjectOf({ behaviour }: AuthorizationServerContext, request: ReceivedRequest): string | null {
  if (behaviour.consent === 'automatic') return behaviour.subject
  const value = new RegExp(`(?:^|;\\s*)${SESSION}=([^;]+)`).exec(request.headers['cookie'] ?? '')?.[1]
  return value === undefined ? null : decodeURIComponent(value)
}

function sendBack(
  { issuer, behaviour }: AuthorizationServerContext,
  parameters: URLSearchParams,
  answer: Record<string, string>
): Answer {
  const target = new URL(parameters.get('redirect_uri') ?? '')
  const state = parameters.get('state')
  const iss = behaviour.iss === 'right' ? issuer : behaviour.iss
  for (const [name, value] of Object.entries(answer)) target.searchParams.set(name, value)
  if (state !== null) target.searchParams.set('state', state)
  if (iss !== 'missing') target.searchParams.set('iss', iss)
  return { status: 302, headers: { location: target.href, 'cache-control': 'no-store' } }
}

function page(status: number, title: string, content: string): Answer {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
    body: `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${content}</html>`
  }
}

function loginForm(): string {
  return `<form method="post"><label>Name <input name="username"></label>
<label>Password <input type="password" name="password"></label><button>Sign in</button></form>`
}

function consentForm(subject: string): string {
  return `<p>${subject.replace(/[&<>"]/g, '')}</p><form method="post"><button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button></form>`
}
