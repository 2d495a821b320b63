import { randomBytes } from 'node:crypto'
import { createOAuthClient, type OAuthClient, type Page } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { createAccounts } from '../accounts.ts'
import { buildApp } from '../app.ts'
import { loginAt } from '../openid.ts'
import { whoami } from './flows.ts'
import { type OpenIdProvider, startProvider } from './openid-provider.ts'

interface Running {
  readonly provider: OpenIdProvider
  readonly publicUrl: string
  readonly resource: string
  client(): OAuthClient
}

async function start(t: Test): Promise<Running> {
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const provider = await startProvider(t, `${publicUrl}/login/callback`)
  const app = await buildApp(loginAt(provider.upstream), {
    accounts: createAccounts(),
    publicUrl,
    sessionKey: randomBytes(32)
  })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port })
  const resource = `${publicUrl}/mcp`
  return { provider, publicUrl, resource, client: () => createOAuthClient({ resource }) }
}

// The provider has the same host, and so its cookies are in the same jar.
function sessionOf({ browser }: OAuthClient, publicUrl: string): string {
  return /sessionId=([^;]+)/.exec(browser.cookies.header(publicUrl))?.[1] ?? ''
}

/** Opens a URL and goes wherever the two servers send the browser. */
async function visit(client: OAuthClient, url: string): Promise<Page> {
  let page = await client.browser.open(url)
  while (page.leavesTo !== null) page = await client.browser.open(page.leavesTo)
  return page
}

t.test('a code that comes to a browser that did not begin is refused, and so is one that comes twice', async t => {
  const { client, publicUrl } = await start(t)
  const attacker = client()
  const { url } = await attacker.start()
  const atProvider = await attacker.browser.open((await attacker.browser.open(url)).leavesTo ?? '')
  const callback = atProvider.leavesTo ?? ''
  t.ok(callback.startsWith(`${publicUrl}/login/callback?code=`))

  const victim = client()
  t.equal((await victim.browser.open(callback)).statusCode, 400)
  const inherited = callback.replace(/state=[^&]*/, 'state=constructor')
  t.match((await victim.browser.open(inherited)).body, 'not begun')
  t.notMatch((await visit(attacker, callback)).body, 'not begun')
  t.match((await attacker.browser.open(callback)).body, 'not begun')
})

t.test('whoever has no account here gets no session, and whoever changes their mind may try again', async t => {
  const { client, provider } = await start(t)
  const mallory = client()
  provider.person = 'mallory'
  const { url } = await mallory.start()
  t.equal((await visit(mallory, url)).statusCode, 403)

  const alice = client()
  provider.person = null
  const started = await alice.start()
  t.equal((await visit(alice, started.url)).statusCode, 403)
  provider.person = 'alice'
  t.match((await visit(alice, started.url)).body, /alice@example\.com/)
})

t.test('from nothing to a tool that knows who asks', async t => {
  const { client, provider, resource } = await start(t)
  const alice = client()
  const first = await alice.start({ parameters: { login_hint: 'alice' } })
  const atProvider = (await alice.browser.open(first.url)).leavesTo ?? ''
  await alice.browser.open((await alice.start()).url)
  const page = await visit(alice, atProvider)
  t.match(page.body, /alice@example\.com/)
  t.equal(provider.asked.at(-1)?.get('login_hint'), 'alice', 'a second window meanwhile takes nothing from the first')
  const back = new URL((await alice.decide(page)).leavesTo ?? '')
  const response = await alice.redeem({ ...first, code: back.searchParams.get('code') })
  t.equal(await whoami(alice, resource, response.json<{ access_token: string }>().access_token), 'user-1')
})

t.test('prompt=login reaches the provider; nothing else that a stranger writes into the link does', async t => {
  const { client, provider, publicUrl } = await start(t)
  const alice = client()
  await visit(alice, (await alice.start()).url)
  const planted = sessionOf(alice, publicUrl)
  const page = await visit(alice, (await alice.start({ parameters: { prompt: 'login' } })).url)
  t.match(page.body, /alice@example\.com/)
  t.equal(provider.asked.at(-1)?.get('prompt'), 'login')
  t.not(sessionOf(alice, publicUrl), planted, 'every sign-in begins another session')

  await alice.browser.open(`${publicUrl}/login?scope=everything&request_uri=https://elsewhere.example`)
  const { leavesTo } = await alice.browser.open(
    `${publicUrl}/login?returnTo=//elsewhere.example&response_mode=form_post`
  )
  t.notMatch(leavesTo ?? '', /everything|elsewhere|form_post/)
})
