/** The login page, as somebody meets it who means no good. */
import { createBrowser, formWith, injectTransport, type Page } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { loginUrl } from '../login.ts'
import { safeReturnTo } from '../return-to.ts'
import { ALICE, createApp } from './running-app.ts'

async function loginPage(t: Test, path = '/login') {
  const { app, origin } = await createApp(t)
  const browser = createBrowser(injectTransport(app))
  const page = await browser.open(`${origin}${path}`)
  const form = formWith(page, 'password')
  if (!form) throw new Error('no login form')
  const submit = (fields: Record<string, string>): Promise<Page> => browser.submit(page, { form, fields })
  return { app, origin, browser, page, form, submit }
}

t.test('signs in, shows who is signed in, and signs out', async t => {
  const { origin, browser, submit } = await loginPage(t)
  const home = await submit(ALICE)
  t.equal(home.url, `${origin}/`)
  t.match(home.body, 'Alice Liddell')
  const session = browser.cookies.get('session')
  t.ok(session)
  const out = await browser.submit(home)
  t.notMatch(out.body, 'Alice')
  t.equal(browser.cookies.get('session'), undefined)
})

t.test('the session identifier changes at every sign-in, and the old one is worth nothing', async t => {
  const { app, origin, browser, submit } = await loginPage(t)
  await submit(ALICE)
  const first = browser.cookies.get('session')
  await submit(ALICE)
  const second = browser.cookies.get('session')
  t.not(first, second)
  const home = (cookie: string) => app.inject({ url: '/', headers: { cookie } })
  t.notMatch((await home(`session=${first}`)).body, 'Alice')
  t.match((await home(`session=${second}`)).body, 'Alice')
  t.equal(origin, 'http://127.0.0.1:3000')
})

t.test('a session identifier planted before the sign-in is not adopted', async t => {
  const { app, form } = await loginPage(t)
  const cookie = 'session=planted'
  const { headers, body } = await app.inject({ url: '/login', headers: { cookie } })
  const formCookie = String(headers['set-cookie']).split(';')[0]
  const token = /name="form_token" value="([^"]+)"/.exec(body)?.[1] ?? ''
  const signedIn = await app.inject({
    method: 'POST',
    url: new URL(form.action).pathname,
    headers: { cookie: `${cookie}; ${formCookie}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...ALICE, form_token: token }).toString()
  })
  t.equal(signedIn.statusCode, 303)
  t.notMatch((await app.inject({ url: '/', headers: { cookie } })).body, 'Alice')
})

t.test('an unknown name and a wrong password get the same answer, and no session', async t => {
  const { browser, submit } = await loginPage(t)
  const normal = (page: Page) => page.body.replaceAll('nobody', 'alice')
  const wrong = await submit({ username: 'alice', password: 'no' })
  const unknown = await submit({ username: 'nobody', password: 'no' })
  t.equal(wrong.statusCode, 403)
  t.equal(unknown.statusCode, 403)
  t.equal(normal(unknown), normal(wrong))
  t.equal(browser.cookies.get('session'), undefined)
})

t.test('a form that was not ours signs nobody in', async t => {
  const { browser, submit } = await loginPage(t)
  const forged = await submit({ ...ALICE, form_token: 'x'.repeat(43) })
  t.equal(forged.statusCode, 403)
  t.equal(browser.cookies.get('session'), undefined)
  browser.cookies.remove('form')
  t.equal((await submit(ALICE)).statusCode, 403, 'without the cookie')
  t.equal(browser.cookies.get('session'), undefined)
})

t.test('a form that comes from another origin signs nobody in, even with the right token', async t => {
  const { app, form, browser } = await loginPage(t)
  const token = form.fields.find(({ name }) => name === 'form_token')?.value ?? ''
  for (const origin of ['https://evil.example', 'null']) {
    const response = await app.inject({
      method: 'POST',
      url: '/login',
      headers: {
        origin,
        cookie: `form=${browser.cookies.get('form')}`,
        'content-type': 'application/x-www-form-urlencoded'
      },
      body: new URLSearchParams({ ...ALICE, form_token: token }).toString()
    })
    t.equal(response.statusCode, 403, origin)
    t.notMatch(response.headers['set-cookie'], /session=/)
  }
})

t.test('somebody else cannot sign a person out', async t => {
  const { app, browser, submit } = await loginPage(t)
  await submit(ALICE)
  const cookie = `session=${browser.cookies.get('session')}`
  await app.inject({
    method: 'POST',
    url: '/logout',
    headers: { cookie, origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'form_token=x'
  })
  t.match((await app.inject({ url: '/', headers: { cookie } })).body, 'Alice')
})

t.test('goes back to a path of its own only', async t => {
  const good = ['/', '/oauth/interaction/abc_DEF-123', '/a/b?c=d&e=f']
  for (const path of good) t.equal(safeReturnTo(path), path)
  const bad = [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/a//b'
  ]
  const hidden = [
    '/%2Fevil.example',
    '/%5Cevil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    ' //evil.example',
    '/a#//b',
    ''
  ]
  for (const value of [...bad, ...hidden, undefined, `/${'a'.repeat(600)}`])
    t.equal(safeReturnTo(value), '/', `refuses ${value}`)

  const { submit, form } = await loginPage(t, '/login?returnTo=%2F%2Fevil.example%2F')
  t.equal(form.fields.find(({ name }) => name === 'return_to')?.value, '/')
  const landed = await submit({ ...ALICE, return_to: '//evil.example' })
  t.equal(landed.leavesTo, null)
  t.equal(new URL(landed.url).pathname, '/')
})

t.test('a hint that is no name does not keep anybody from signing in', async t => {
  t.equal(loginUrl({ returnTo: '/', loginHint: 'x'.repeat(65) }), '/login?returnTo=%2F')
  const hinted = loginUrl({ returnTo: '/', loginHint: 'bob' })
  const { form } = await loginPage(t, hinted)
  t.equal(form.fields.find(({ name }) => name === 'username')?.value, 'bob')
})

t.test('whoever comes by another name of this computer is led to the public one, and nobody else is', async t => {
  const { app } = await createApp(t)
  const from = (host: string) => app.inject({ url: '/login?returnTo=%2Fa', headers: { host } })
  t.equal((await from('localhost:3000')).headers.location, 'http://127.0.0.1:3000/login?returnTo=%2Fa')
  for (const host of ['127.0.0.1:3000', 'localhost:4000', 'evil.example', 'evil.example:3000', '[', ''])
    t.equal((await from(host)).headers.location, undefined, `not from ${host}`)
  const hosted = await createApp(t, { PUBLIC_URL: 'https://notes.example.com' })
  t.equal((await hosted.app.inject({ url: '/login', headers: { host: 'localhost' } })).statusCode, 200)
})

t.test('cannot be framed, runs no script, is not cached, and escapes what it repeats', async t => {
  const { page, submit } = await loginPage(t, '/login?login_hint=%22%3E%3Cscript%3Ex')
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, "default-src 'none'")
  t.match(policy, "frame-ancestors 'none'")
  t.notMatch(policy, /script-src|unsafe/)
  t.equal(page.headers['x-frame-options'], 'DENY')
  t.equal(page.headers['cache-control'], 'no-store')
  t.notMatch(page.body, '<script')
  t.notMatch((await submit({ username: '<script>', password: 'x' })).body, '<script')
})

t.test('cookies cannot be read by scripts, and by https they are bound to the host', async t => {
  const { page } = await loginPage(t)
  t.match(page.headers['set-cookie'], [/^form=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/])
  const { app } = await createApp(t, { PUBLIC_URL: 'https://notes.example.com' })
  const secure = await app.inject({ url: '/login' })
  t.match(secure.headers['set-cookie'], /^__Host-form=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
})

t.test('after 100 sign-ins a minute from one address it is enough', async t => {
  const { app } = await loginPage(t)
  const attempt = () =>
    app.inject({
      method: 'POST',
      url: '/login',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'username=a&password=b&form_token=c'
    })
  for (let count = 0; count < 100; count++) t.equal((await attempt()).statusCode, 403)
  const refused = await attempt()
  t.equal(refused.statusCode, 429)
  t.match(refused.body, 'too many attempts')
})

t.test('bounds what it reads', async t => {
  const { app } = await loginPage(t)
  const post = (body: string) =>
    app.inject({
      method: 'POST',
      url: '/login',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body
    })
  t.equal((await post(`username=a&form_token=c&password=${'x'.repeat(257)}`)).statusCode, 400)
  t.equal((await post(`username=a&form_token=c&password=${'x'.repeat(20_000)}`)).statusCode, 413)
})
