/** The page that a script draws, in a browser: it decides like the shipped one, and withstands what that one withstands. */
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { freePort } from '../../../.ci/free-port.ts'
import { readConfig } from '../../all-in-one/config.ts'
import { type Callback, listenForCallback } from '../../all-in-one/test/callback.ts'
import { ALICE } from '../../all-in-one/test/running-app.ts'
import { buildSpa } from '../server.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

interface Asked {
  readonly page: Page
  readonly client: OAuthClient
  readonly callback: Callback
  readonly origin: string
  readonly codeVerifier: string
}

/** Alice in front of the question. */
async function ask(t: Test, options: BrowserContextOptions = {}, clientName?: string): Promise<Asked> {
  const port = await freePort()
  const config = readConfig({ PORT: String(port), DATABASE_URL: 'memory:' })
  const app = await buildSpa(config)
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port })
  const callback = await listenForCallback(t)
  const { redirectUri } = callback
  const known = clientName === undefined ? { clientId: 'demo-cli' } : {}
  const client = createOAuthClient({ resource: `${config.publicUrl}/mcp`, redirectUri, ...known })
  if (clientName !== undefined) await client.register({ client_name: clientName })
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const { url, codeVerifier } = await client.start({ scope: 'mcp:tools notes:read' })
  await page.goto(url)
  await page.getByLabel('Name').fill(ALICE.username)
  await page.getByLabel('Password').fill(ALICE.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  return { page, client, callback, origin: config.publicUrl, codeVerifier }
}

t.test('a person narrows and allows', async t => {
  const { page, client, callback, codeVerifier } = await ask(t)
  const { redirectUri } = callback
  await page.getByRole('heading', { level: 1 }).waitFor()
  t.match(new URL(page.url()).pathname, /^\/consent\//)
  t.match(await page.locator('main').textContent(), /Demo CLI.*127\.0\.0\.1.*Alice Liddell/s)
  t.equal(await page.getByLabel('See who you are').isDisabled(), true)
  await page.getByLabel('Read your notes').uncheck()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(`${redirectUri}?**`)
  const code = callback.answers[0]?.get('code') ?? null
  const { scope } = (await client.redeem({ code, codeVerifier, redirectUri })).json<{ scope: string }>()
  t.equal(scope, 'mcp:tools')
})

t.test('a person says no', async t => {
  const { page, callback } = await ask(t)
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  t.equal(callback.answers[0]?.get('error'), 'access_denied')
})

t.test('in another tab the question is over: the page says so, with a reference', async t => {
  const { page, callback } = await ask(t)
  const copy = await page.context().newPage()
  await copy.goto(page.url())
  await copy.getByRole('button', { name: 'Allow' }).waitFor()
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  await copy.getByRole('button', { name: 'Allow' }).click()
  await copy.getByRole('heading', { name: 'You have already answered' }).waitFor()
  t.match(await copy.locator('main').textContent(), /Reference for support: \S+/)
  t.equal(callback.answers.length, 1)
})

t.test('XSS: a hostile name is text, with the policy switched off', async t => {
  const name = `"'><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`
  const { page } = await ask(t, { bypassCSP: true }, name)
  await page.getByRole('button', { name: 'Allow' }).waitFor()
  t.match(await page.locator('main').textContent(), name)
  t.equal(await page.evaluate<boolean>(`'hacked' in window || document.querySelector('img') !== null`), false)
})

t.test('framing and CSRF: another origin cannot show the page, read the question or answer it', async t => {
  const { page, callback, origin } = await ask(t)
  await page.getByRole('button', { name: 'Allow' }).waitFor()
  const handle = new URL(page.url()).pathname.split('/').at(-1)
  const evil = await page.context().newPage()
  await evil.goto(callback.redirectUri)
  const url = `${origin}/oauth/interaction/${handle}`
  const outcomes = await evil.evaluate<string[]>(`(async () => {
    const tries = [
      ['${url}/model', { headers: { 'x-mcp-auth': '1' } }],
      ['${url}/decision', { method: 'POST', headers: { 'x-mcp-auth': '1', 'content-type': 'application/json' }, body: '{}' }],
      ['${url}/decision', { method: 'POST', mode: 'no-cors', body: '{"decision":"deny"}' }]
    ]
    return Promise.all(tries.map(([address, options]) => fetch(address, { credentials: 'include', ...options }).then(({ status }) => 'status ' + status, () => 'refused')))
  })()`)
  t.strictSame(outcomes, ['refused', 'refused', 'refused'])
  await evil.setContent(`<iframe src="${page.url()}"></iframe>`)
  t.equal(await evil.frameLocator('iframe').getByRole('button').count(), 0)
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  t.ok(
    callback.answers.some(answer => answer.get('error') === 'access_denied'),
    'the real answer still counts'
  )
})
