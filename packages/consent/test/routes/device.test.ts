/** The page for codes of devices, and what came of it. */
import { InteractionError, OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp, consentRequest, deviceRequest, type FakeServer, fakeServer, openPage } from '../fake-server.ts'
import { createAcmeNotes } from '../flows/acme-notes.ts'

const PATH = '/oauth/device'
const CODE = 'WDJB-MJHT'

async function open(t: Test, device: FakeServer['device'], more: Parameters<typeof buildApp>[0] = {}) {
  const fake = fakeServer()
  fake.device = device
  const app = await buildApp({
    fake,
    options: { brand: { name: 'Acme Notes' }, connectedApps: '/connected-apps' },
    ...more
  })
  t.teardown(() => app.close())
  const { statusCode, headers, body } = await app.inject(PATH)
  return { app, fake, statusCode, headers, html: body.replace(/\s*\n\s*/g, '') }
}

t.test("RFC 8628 5.4: the page says that the code must be on a device of one's own, also in a link", async t => {
  const typed = await open(t, deviceRequest())
  t.match(typed.html, 'Only enter a code that you see on a device of your own.')
  t.match(typed.html, '<bdi>alice@example.com</bdi>')
  const linked = await open(t, deviceRequest({ userCode: CODE }))
  t.match(linked.html, '<h1>Does your device show this code?</h1>')
  t.match(linked.html, `<p class="device-code"><bdi dir="ltr">${CODE}</bdi></p>`)
  t.match(linked.html, /class="warning"[^>]*><p>Anybody can send a link like this one\./)
})

t.test(
  'RFC 8628 3.3.1: a code of a link waits for a yes: nothing is sent by itself, and no button is chosen',
  async t => {
    const { html, headers } = await open(t, deviceRequest({ userCode: CODE }))
    const [form = ''] = /<form.*<\/form>/.exec(html) ?? []
    t.match(
      form,
      `<form method="post" action="/oauth/device" autocomplete="off"><input type="hidden" name="proof" value="proof-1">`
    )
    t.match(form, `<input type="hidden" name="user_code" value="${CODE}">`)
    t.match(form, '<a href="?">No, enter another</a>')
    t.notMatch(html, /<script|autofocus|http-equiv|onload/i)
    t.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'.*form-action 'self'$/)
    t.match(headers, { 'cache-control': 'no-store', 'x-frame-options': 'DENY', 'referrer-policy': 'same-origin' })
  }
)

t.test('a code of a link does not get into the log', async t => {
  const acme = await createAcmeNotes(t, { options: { deviceAuthorization: {} }, consent: { json: true } })
  const headers = { 'x-mcp-auth': '1', cookie: `session=alice.${acme.clock.now()}` }
  for (const url of [PATH, `${PATH}/model`]) {
    const { statusCode, body } = await acme.app.inject({ url: `${url}?user_code=${CODE}`, headers })
    t.equal(statusCode, 200, url)
    t.match(body, CODE)
  }
  t.equal((await acme.app.inject({ method: 'HEAD', url: `${PATH}?user_code=${CODE}`, headers })).statusCode, 200)
  const log = JSON.stringify(acme.log)
  t.notMatch(log, CODE)
  t.match(log, `"url":"${PATH}"`)
})

t.test('a code is typed without help that would get in the way, and what was wrong is told beside it', async t => {
  const { html } = await open(t, deviceRequest())
  const [input = ''] = /<input class="device-input"[^>]*>/.exec(html) ?? []
  for (const attribute of [
    'name="user_code"',
    'autocapitalize="characters"',
    'spellcheck="false"',
    'autocomplete="off"'
  ])
    t.match(input, attribute)
  t.match(input, 'aria-describedby="caution"')
  t.notMatch(html, 'class="notice')
  for (const [problem, words] of [
    ['unknown', /This code is not right/],
    ['expired', /has expired/],
    ['used', /does not work any more/]
  ] as const) {
    const wrong = await open(t, deviceRequest({ problem }))
    t.match(wrong.html, words)
    t.match(wrong.html, /id="problem" role="status"/)
    t.match(wrong.html, 'aria-describedby="caution problem" aria-invalid="true"')
  }
})

t.test('who has decided reads what came of it, and where it can be taken back', async t => {
  const { client } = consentRequest({ client: { name: 'TV <b>', verifiedHost: null } })
  const allowed = await open(t, { status: 'device_finished', outcome: 'allowed', client })
  t.match(allowed.html, '<h1>“<bdi>TV &lt;b&gt;</bdi>” is connected</h1>')
  t.match(allowed.html, 'Go back to your device')
  t.match(allowed.html, 'href="/connected-apps"')
  t.match(allowed.headers['content-security-policy'], "form-action 'none'")
  const denied = await open(t, { status: 'device_finished', outcome: 'denied', client })
  t.match(denied.html, '<h1>You said no</h1>')
  t.match(denied.html, 'Nothing was shared.')
  t.notMatch(denied.html, 'href="/connected-apps"')
})

t.test('who is not signed in signs in first; what fails is a page', async t => {
  const login = await open(t, { status: 'login', loginUrl: '/login?returnTo=%2Foauth%2Fdevice' })
  t.equal(login.statusCode, 303)
  t.equal(login.headers.location, '/login?returnTo=%2Foauth%2Fdevice')
  t.equal(login.headers['cache-control'], 'no-store')
  const limited = new OAuthError('temporarily_unavailable', 'x', { status: 429, reason: 'rate_limited', retryAfter: 9 })
  const often = await open(t, limited)
  t.equal(often.statusCode, 429)
  t.equal(often.headers['retry-after'], '9')
  t.match(often.html, 'That was too often')
})

t.test(
  'the question of a device shows its code once more, and warns that its code may come from somebody else',
  async t => {
    const device = { userCode: CODE, requestedAt: 1_800_000_000 }
    const fake = fakeServer(consentRequest({ redirect: null, device }))
    const { html, headers } = await openPage({ fake })
    t.match(html, `the device that shows the code <bdi>${CODE}</bdi>`)
    t.match(html, `<strong>Only continue if a device of your own shows <bdi>${CODE}</bdi>.</strong> That device gets`)
    t.match(headers['content-security-policy'], /form-action 'self'$/, 'it leads nowhere else')
  }
)

t.test('a server without devices has no page for them', async t => {
  const fake = fakeServer()
  const without: FakeServer = { ...fake, decorator: { ...fake.decorator, devices: null, signOuts: null } }
  const app = await buildApp({ fake: without, options: { json: true } })
  for (const path of [PATH, `${PATH}/model`, '/oauth/end_session/confirm'])
    t.equal((await app.inject({ url: path, headers: OURS })).statusCode, 404)
  await app.close()
})

const OURS = { 'x-mcp-auth': '1', 'sec-fetch-site': 'same-origin', origin: 'https://notes.example' }

t.test('as JSON: the same model, and an endpoint for the code, behind the same guard as the others', async t => {
  const { app, fake } = await open(t, deviceRequest({ userCode: CODE }), { options: { json: true } })
  const told: unknown[] = []
  Object.assign(fake.decorator.devices ?? {}, {
    enter: async (_request: unknown, _reply: unknown, entry: unknown) => {
      told.push(entry)
      return { redirectTo: '/oauth/interaction/handle-2' }
    }
  })
  const model = await app.inject({ url: `${PATH}/model`, headers: { ...OURS, 'accept-language': 'de' } })
  t.match(model.json(), { version: 1, page: 'device', userCode: CODE, submitUrl: PATH, proof: 'proof-1', lang: 'de' })
  t.match(model.json().caution[0], 'So einen Link kann jeder schicken.')
  await refusesStrangers(t, app, { url: `${PATH}/entry`, payload: { user_code: CODE, proof: 'proof-1' } })
  t.strictSame(told, [])
  const post = (payload: object) => app.inject({ method: 'POST', url: `${PATH}/entry`, headers: OURS, payload })
  t.strictSame((await post({ user_code: 'wdjbmjht', proof: 'proof-1' })).json(), {
    version: 1,
    page: 'redirect',
    redirectTo: '/oauth/interaction/handle-2'
  })
  t.strictSame(told, [{ userCode: 'wdjbmjht', proof: 'proof-1' }])
  for (const wrong of [{}, { user_code: CODE }, { user_code: [CODE], proof: 'p' }, { user_code: 1, proof: 'p' }, []])
    t.match((await post(wrong)).json(), { page: 'error', reason: 'invalid_request', statusCode: 400 })
  t.equal(told.length, 1)
  fake.device = { status: 'login', loginUrl: '/login' }
  const login = await app.inject({ url: `${PATH}/model`, headers: OURS })
  t.strictSame(login.json(), { version: 1, page: 'redirect', redirectTo: '/login' })
  fake.device = { status: 'device_finished', outcome: 'denied', client: consentRequest().client }
  t.match((await app.inject({ url: `${PATH}/model`, headers: OURS })).json(), {
    page: 'device-done',
    outcome: 'denied'
  })
  fake.device = new InteractionError('interaction_other_browser', { statusCode: 403 })
  t.equal((await app.inject({ url: `${PATH}/model`, headers: OURS })).statusCode, 403)
})

async function refusesStrangers(
  t: Test,
  app: FastifyInstance,
  { url, payload }: { url: string; payload: object }
): Promise<void> {
  const { 'x-mcp-auth': _, ...withoutHeader } = OURS
  for (const headers of [
    {},
    withoutHeader,
    { ...OURS, origin: 'https://evil.example' },
    { ...OURS, 'sec-fetch-site': 'same-site' }
  ])
    t.equal((await app.inject({ method: 'POST', url, headers, payload })).statusCode, 403)
}
