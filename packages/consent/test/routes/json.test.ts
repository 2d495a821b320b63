import fastifyCors from '@fastify/cors'
import { InteractionError, OAuthError } from '@fastify-mcp-auth/core'
import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, consentRequest, type FakeServer, fakeServer } from '../fake-server.ts'

const ORIGIN = 'https://notes.example'
const MODEL = '/oauth/interaction/handle-1/model'
const DECISION = '/oauth/interaction/handle-1/decision'
const ours = { 'x-mcp-auth': '1', 'sec-fetch-site': 'same-origin', origin: ORIGIN }
const allow = { decision: 'allow', account: 'proof-1', scope: ['notes:read'] }

interface Told {
  readonly handle: string
  readonly choice?: unknown
}

async function open(t: Test, fake: FakeServer = fakeServer()) {
  const told: Told[] = []
  Object.assign(fake.decorator.interactions, {
    approve: async (_request: unknown, handle: string, choice: unknown) => {
      told.push({ handle, choice })
      return { redirectTo: 'https://claude.ai/callback?code=1' }
    },
    deny: async (_request: unknown, handle: string) => {
      told.push({ handle })
      return { redirectTo: 'https://claude.ai/callback?error=access_denied' }
    }
  })
  const app = await buildApp({
    fake,
    options: { json: true },
    before: async app => void (await app.register(fastifyCors, { origin: true, credentials: true }))
  })
  t.teardown(() => app.close())
  const post = (payload: InjectOptions['payload'], headers: Record<string, string> = ours) =>
    app.inject({ method: 'POST', url: DECISION, headers, ...(payload === undefined ? {} : { payload }) })
  return { app, told, post }
}

t.test('the model of the page is there as JSON, typed by page and version', async t => {
  const { app } = await open(t)
  const { json, headers, statusCode } = await app.inject({ url: MODEL, headers: { ...ours, 'accept-language': 'de' } })
  t.equal(statusCode, 200)
  t.match(json(), {
    version: 1,
    page: 'consent',
    lang: 'de',
    client: { name: 'Claude', verifiedHost: 'claude.ai' },
    answersTo: { kind: 'https', host: 'claude.ai' },
    account: { proof: 'proof-1' },
    words: { allow: 'Erlauben' }
  })
  t.equal(json().scopes.length, 3)
  t.match(headers, {
    'cache-control': 'no-store',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff'
  })
})

t.test('a decision is passed on once, with what was ticked, and says where to go', async t => {
  const { told, post } = await open(t)
  const allowed = await post({ ...allow, organization: 'acme' })
  t.strictSame(allowed.json(), { version: 1, page: 'redirect', redirectTo: 'https://claude.ai/callback?code=1' })
  const denied = await post({ decision: 'deny' })
  t.match(denied.json().redirectTo, 'access_denied')
  t.strictSame(told, [
    { handle: 'handle-1', choice: { account: 'proof-1', scopes: ['notes:read'], organization: 'acme' } },
    { handle: 'handle-1' }
  ])
})

t.test('PX-3: what does not come from a page of this origin is refused before anything is looked up', async t => {
  const fake = fakeServer()
  const { app, told, post } = await open(t, fake)
  const { origin: _, ...withoutOrigin } = ours
  const { 'x-mcp-auth': __, ...withoutHeader } = ours
  const foreign: Record<string, string>[] = [
    {},
    withoutHeader,
    withoutOrigin,
    { ...ours, 'x-mcp-auth': '0' },
    { ...ours, origin: 'https://evil.example' },
    { ...ours, origin: 'null' },
    { ...ours, 'sec-fetch-site': 'same-site' },
    { ...ours, 'sec-fetch-site': 'cross-site' },
    { ...ours, 'sec-fetch-site': 'none' }
  ]
  for (const headers of foreign) {
    const { statusCode, json } = await post(allow, headers)
    t.equal(statusCode, 403, JSON.stringify(headers))
    t.match(json(), { page: 'error', reason: 'interaction_other_browser' })
  }
  for (const headers of [{}, withoutHeader, { ...ours, origin: 'https://evil.example' }])
    t.equal((await app.inject({ url: MODEL, headers })).statusCode, 403)
  t.strictSame([told, fake.asked], [[], []])
})

t.test('CORS of the app, however open, does not open these routes', async t => {
  const { app } = await open(t)
  for (const [method, url] of [
    ['GET', MODEL],
    ['POST', DECISION]
  ] as const) {
    const answer = await app.inject({ method, url, headers: { ...ours, origin: 'https://evil.example' } })
    t.equal(answer.headers['access-control-allow-origin'], undefined, `${method} ${url}`)
  }
})

t.test('EM-13: who decides too often has to wait, and nothing is decided', async t => {
  const fake = fakeServer()
  const { told, post } = await open(t, fake)
  Object.assign(fake.decorator.people, {
    countRequest: async (_request: unknown, page: string) => {
      t.equal(page, 'decision')
      throw new OAuthError('temporarily_unavailable', 'x', { status: 429, reason: 'rate_limited', retryAfter: 9 })
    }
  })
  const answer = await post(allow)
  t.equal(answer.statusCode, 429)
  t.equal(answer.headers['retry-after'], '9')
  t.match(answer.json(), { page: 'error', reason: 'rate_limited' })
  t.strictSame(told, [])
})

t.test('a decision that is none is refused', async t => {
  const { told, post } = await open(t)
  const wrong: object[] = [
    {},
    { ...allow, decision: 'maybe' },
    { ...allow, account: 5 },
    { ...allow, scope: 'notes:read' },
    { ...allow, scope: [1] },
    { ...allow, organization: ['acme'] },
    []
  ]
  for (const payload of wrong) {
    const { statusCode, json } = await post(payload)
    t.equal(statusCode, 400, JSON.stringify(payload))
    t.equal(json().reason, 'invalid_request')
  }
  const form = await post('decision=allow&account=proof-1', {
    ...ours,
    'content-type': 'application/x-www-form-urlencoded'
  })
  t.equal(form.statusCode, 415)
  t.equal((await post('{', { ...ours, 'content-type': 'application/json' })).statusCode, 400)
  t.strictSame(told, [])
})

t.test('who is not signed in, and what failed, is told in the same form', async t => {
  const fake = fakeServer({ status: 'login', loginUrl: '/login?returnTo=x' })
  const { app } = await open(t, fake)
  const model = async () => app.inject({ url: MODEL, headers: ours })
  t.strictSame((await model()).json(), { version: 1, page: 'redirect', redirectTo: '/login?returnTo=x' })
  fake.details = new InteractionError('interaction_expired', { statusCode: 410, clientName: 'Claude' })
  const expired = await model()
  t.equal(expired.statusCode, 410)
  t.match(expired.json(), { version: 1, page: 'error', reason: 'interaction_expired', reference: /^req-/ })
  fake.details = new Error('secret')
  t.notMatch((await model()).body, 'secret')
})

t.test('without the option there are no such routes', async t => {
  const app = await buildApp({ fake: fakeServer(consentRequest()) })
  t.equal((await app.inject({ url: MODEL, headers: ours })).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: DECISION, headers: ours, payload: allow })).statusCode, 404)
  await app.close()
})
