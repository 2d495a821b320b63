/** What has to hold with a login form, whatever keeps the session: from an assistant without anything to a tool that knows the person. */
import { randomBytes } from 'node:crypto'
import { mock } from 'node:test'
import { createOAuthClient, formWith, type OAuthClient } from '@fastify-mcp-auth/testing'
import type { Test } from 'tap'
import { type Accounts, createAccounts } from '../accounts.ts'
import { buildApp, type Login } from '../app.ts'

const PUBLIC_URL = 'http://127.0.0.1:3000'
const RESOURCE = `${PUBLIC_URL}/mcp`
export const ALICE = { username: 'alice@example.com', password: 'wonderland' }

async function start(t: Test, login: Login, accounts: Accounts = createAccounts()): Promise<OAuthClient> {
  const app = await buildApp(login, { accounts, publicUrl: PUBLIC_URL, sessionKey: randomBytes(32) })
  t.teardown(() => app.close())
  return createOAuthClient({ app, resource: RESOURCE, ...ALICE })
}

/** What the tool `whoami` says, or the status of the refusal. */
export async function whoami(client: OAuthClient, resource: string, accessToken: string): Promise<string | number> {
  const response = await client.send({
    method: 'POST',
    url: resource,
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } })
  })
  return response.statusCode === 200
    ? (/"text":"([^"]*)"/.exec(response.body)?.[1] ?? response.body)
    : response.statusCode
}

export function testLogin(t: Test, login: Login): void {
  t.test('a wrong password signs nobody in', async t => {
    const client = await start(t, login)
    const started = await client.start()
    const form = await client.browser.open(started.url)
    const again = await client.login(form, { password: 'looking-glass' })
    t.equal(again.statusCode, 403)
    t.ok(formWith(again, 'password'))
    t.ok(formWith(await client.browser.open(started.url), 'password'), 'the form comes again')
  })

  t.test('a form of another site signs nobody in', async t => {
    const client = await start(t, login)
    const { url } = await client.start()
    const answer = await client.send({
      method: 'POST',
      url: `${PUBLIC_URL}/login`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://elsewhere.example' },
      body: new URLSearchParams({ email: ALICE.username, password: ALICE.password }).toString()
    })
    t.equal(answer.statusCode, 403)
    t.strictSame(answer.headers['set-cookie'], [])
    t.ok(formWith(await client.browser.open(url), 'password'))
  })

  t.test('the login leads to no other site', async t => {
    const client = await start(t, login)
    for (const returnTo of [
      '//elsewhere.example',
      '/\\elsewhere.example',
      '/.//elsewhere.example',
      'https://a@b/',
      'javascript:1'
    ]) {
      const form = await client.browser.open(`${PUBLIC_URL}/login?${new URLSearchParams({ returnTo })}`)
      const page = await client.login(form)
      t.equal(page.leavesTo, null, returnTo)
      t.equal(new URL(page.url).origin, PUBLIC_URL)
    }
  })

  t.test('from nothing to a tool that knows who asks', async t => {
    const client = await start(t, login)
    const tokens = await client.connect({ scope: 'mcp:tools' })
    t.equal(await whoami(client, RESOURCE, tokens.access_token), 'user-1')
    t.equal(await whoami(client, RESOURCE, 'made-up'), 401)

    const again = await client.start()
    const page = await client.browser.open(again.url)
    t.notOk(formWith(page, 'password'), 'who is signed in is asked for consent at once')
    t.match(page.body, /alice@example\.com/)
  })

  t.test('prompt=login is not answered with the session that is there', async t => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    t.teardown(() => mock.timers.reset())
    const client = await start(t, login)
    await client.connect()
    mock.timers.tick(60_000)
    const form = await client.browser.open((await client.start({ parameters: { prompt: 'login' } })).url)
    t.ok(formWith(form, 'password'))
    const consent = await client.login(form)
    t.match(await client.decide(consent), { leavesTo: /[?&]code=/ })
  })

  t.test('every sign-in begins another session: one that was planted is worth nothing', async t => {
    const client = await start(t, login)
    const { url } = await client.start()
    await client.login(await client.browser.open(url))
    const before = client.browser.cookies.header(url)
    t.not(before, '')
    await client.login(await client.browser.open(`${PUBLIC_URL}/login`))
    t.not(client.browser.cookies.header(url), before)
  })

  t.test('an account that is gone: no session, no refresh', async t => {
    const accounts = createAccounts()
    const people = { gone: false }
    const client = await start(t, login, {
      ...accounts,
      find: async id => (people.gone ? null : accounts.find(id))
    })
    const tokens = await client.connect()
    people.gone = true
    t.match((await client.refresh(tokens.refresh_token ?? '')).json(), { error: 'invalid_grant' })
    t.ok(formWith(await client.browser.open((await client.start()).url), 'password'))
  })
}
