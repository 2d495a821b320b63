import { type ErrorPageReason, InteractionError, UnavailableError } from '@fastify-mcp-auth/core'
import t from 'tap'
import { buildApp, consentRequest, fakeServer, openPage, unverified } from '../fake-server.ts'

const policyOf = (headers: Record<string, unknown>): string[] => String(headers['content-security-policy']).split('; ')

t.test('PX-3: the page forbids framing, scripts and foreign content', async t => {
  const { headers, html } = await openPage()
  t.strictSame(policyOf(headers), [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self' https://claude.ai https: claude: cursor: vscode: vscode-insiders:"
  ])
  t.match(headers, {
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'unsafe-none',
    'cache-control': 'no-store',
    'content-type': 'text/html; charset=utf-8'
  })
  t.notMatch(html, /<script|<style| style=| on\w+=/)
})

t.test('an answer that goes to an app may lead there and nowhere else', async t => {
  const redirect = { uri: 'cursor://x/callback', kind: 'private-use', host: 'cursor', formAction: 'cursor:' } as const
  const { headers } = await openPage({ fake: fakeServer(consentRequest({ redirect })) })
  t.ok(policyOf(headers).includes("form-action 'self' cursor:"))
  const loopback = await openPage({ fake: fakeServer(consentRequest(unverified)) })
  const allowed = /form-action ([^;]*)/.exec(String(loopback.headers['content-security-policy']))?.[1]?.split(' ') ?? []
  t.ok(allowed.includes('https:'), 'a program on this computer may lead on to a page of its maker')
  t.ok(allowed.includes('http://127.0.0.1:33418'))
  t.notOk(allowed.includes('http:'), 'but not to plain http elsewhere')
})

t.test('who is not signed in is sent to sign in', async t => {
  const fake = fakeServer({ status: 'login', loginUrl: '/login?returnTo=%2Foauth%2Finteraction%2Fhandle-1' })
  const { statusCode, headers, html } = await openPage({ fake })
  t.equal(statusCode, 303)
  t.equal(headers['location'], '/login?returnTo=%2Foauth%2Finteraction%2Fhandle-1')
  t.equal(headers['cache-control'], 'no-store')
  t.equal(html, '')
  t.strictSame(fake.asked, ['handle-1'])
})

t.test('AZ-13: an interaction that cannot go on is a page, never a redirect', async t => {
  const reasons: ErrorPageReason[] = [
    'interaction_unknown',
    'interaction_expired',
    'interaction_answered',
    'account_changed'
  ]
  for (const reason of reasons) {
    const failure = new InteractionError(reason, { statusCode: 410, clientName: '<b>My helper</b>' })
    const { statusCode, headers, html } = await openPage({ fake: fakeServer(failure) })
    t.equal(statusCode, 410)
    t.equal(headers['location'], undefined)
    t.ok(policyOf(headers).includes("form-action 'none'"))
    t.match(html, 'Go back to “<bdi>&lt;b&gt;My helper&lt;/b&gt;</bdi>”')
    t.match(html, /Reference for support: <code>req-\w+<\/code>/)
    t.notMatch(html, '<form')
  }
})

t.test('a handle that Fastify finds too long, and whatever is no handle, is a page like any other', async t => {
  const app = await buildApp({ options: { json: true } })
  for (const handle of ['x'.repeat(101), 'x'.repeat(5000), 'a/b/c', `${'x'.repeat(200)}/model`]) {
    const { statusCode, body, headers } = await app.inject(`/oauth/interaction/${handle}`)
    t.equal(statusCode, 404, handle.slice(0, 20))
    t.match(body, '<h1>We cannot find this request</h1>')
    t.equal(headers['x-frame-options'], 'DENY')
  }
  await app.close()
})

t.test('what is down is said to be down, with a time to come back', async t => {
  const { statusCode, headers, html } = await openPage({
    fake: fakeServer(new UnavailableError('storage at 10.0.0.7 is gone', { retryAfter: 7 }))
  })
  t.equal(statusCode, 503)
  t.equal(headers['retry-after'], '7')
  t.match(html, '<bdi>notes.example</bdi> cannot answer right now')
  t.notMatch(html, '10.0.0.7')
})

t.test('what a hook of the host refuses keeps its status and becomes a page', async t => {
  for (const [status, words] of [
    [429, 'That was too often'],
    [403, 'This request is not complete']
  ] as const) {
    const fake = fakeServer()
    const { statusCode, html } = await openPage({
      fake,
      before: async app => {
        app.addHook('onRequest', async () => {
          throw Object.assign(new Error('words of the host'), { statusCode: status })
        })
      }
    })
    t.equal(statusCode, status)
    t.match(html, words)
    t.notMatch(html, 'words of the host')
    t.strictSame(fake.asked, [], 'nobody was asked for a handle')
  }
})

t.test('a fault of ours shows no inside, and the log has it under the reference of the page', async t => {
  const lines: string[] = []
  const { statusCode, html } = await openPage({
    fake: fakeServer(new Error('secret detail')),
    fastify: { logger: { level: 'error', stream: { write: line => lines.push(line) } } }
  })
  t.equal(statusCode, 500)
  t.match(html, 'Something went wrong here')
  t.notMatch(html, 'secret detail')
  const logged = lines.map(line => JSON.parse(line)).find(({ err }) => err?.message === 'secret detail')
  t.match(html, `<code>${logged.reqId}</code>`)
})

t.test('every reason for an error page has its words', async t => {
  const fake = fakeServer()
  const app = await buildApp({ fake, options: { brand: { name: 'Acme Notes' } } })
  app.get<{ Params: { reason: ErrorPageReason } }>('/failure/:reason', async (request, reply) => {
    const { reason } = request.params
    const page = await fake.error({ statusCode: 400, reason, clientName: null, reference: 'r<1>' }, { request, reply })
    return reply.headers(page.headers).send(page.html)
  })
  const reasons: Record<ErrorPageReason, RegExp> = {
    unknown_client:
      /<bdi>Acme Notes<\/bdi> does not know this app any more.*Remove it in your assistant and add it again\./s,
    client_forgotten:
      /not registered with <bdi>Acme Notes<\/bdi> any more.*Remove <bdi>Acme Notes<\/bdi> in your assistant and add it again\./s,
    client_metadata: /could not check who is asking/,
    redirect_uri: /unknown place/,
    invalid_request: /not complete/,
    interaction_unknown: /cannot find/,
    interaction_expired: /has expired.*Go back to the app and connect again\./s,
    interaction_answered: /already answered/,
    interaction_other_browser: /another browser/,
    account_changed: /another account/,
    rate_limited: /too often/,
    unavailable: /cannot answer right now/,
    server_error: /went wrong/
  }
  for (const [reason, words] of Object.entries(reasons) as [ErrorPageReason, RegExp][]) {
    const page = await app.inject(`/failure/${reason}`)
    t.match(page.body, words)
    t.match(page.body, '<code>r&lt;1&gt;</code>')
    t.equal(page.headers['x-frame-options'], 'DENY')
  }
  await app.close()
})
