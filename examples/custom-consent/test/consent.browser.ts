/** The pages of this example in a browser: ours in look and words, and they do what the shipped ones do. */
import { createOAuthClient } from '@fastify-mcp-auth/testing'
import axe, { type AxeResults } from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { type Callback, listenForCallback } from '../../all-in-one/test/callback.ts'
import { ALICE, listen } from '../../all-in-one/test/running-app.ts'
import { CONSENT } from '../server.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

interface Asked {
  readonly page: Page
  readonly callback: Callback
  readonly origin: string
  redeem(): Promise<string>
}

/** Alice in front of the question. */
async function ask(t: Test, options: BrowserContextOptions = {}): Promise<Asked> {
  const { origin, resource } = await listen(t, { consent: CONSENT })
  const callback = await listenForCallback(t)
  const { redirectUri } = callback
  const client = createOAuthClient({ resource, clientId: 'demo-cli', redirectUri })
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const { url, codeVerifier } = await client.start({ scope: 'mcp:tools notes:read' })
  await page.goto(url)
  await page.getByLabel('Name').fill(ALICE.username)
  await page.getByLabel('Password').fill(ALICE.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  return {
    page,
    callback,
    origin,
    async redeem() {
      await page.waitForURL(`${redirectUri}?**`)
      const code = callback.answers[0]?.get('code') ?? null
      return (await client.redeem({ code, codeVerifier, redirectUri })).json<{ scope: string }>().scope
    }
  }
}

for (const javaScriptEnabled of [true, false])
  t.test(`a person narrows and allows, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async t => {
    const { page, redeem } = await ask(t, { javaScriptEnabled })
    t.equal(await page.locator('.acme-bar').textContent(), 'Acme Notes')
    t.match(
      await page.locator('main').textContent(),
      /Demo CLI.*127\.0\.0\.1.*Alice Liddell.*See who you are.*Read your notes/s
    )
    await page.getByLabel('Read your notes').uncheck()
    await page.getByRole('button', { name: 'Let it in' }).click()
    t.equal(await redeem(), 'mcp:tools')
  })

t.test('a person says no, in German', async t => {
  const { page, callback } = await ask(t, { locale: 'de-DE' })
  t.equal(await page.locator('html').getAttribute('lang'), 'de')
  await page.getByRole('button', { name: 'Jetzt nicht' }).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  t.equal(callback.answers[0]?.get('error'), 'access_denied')
})

t.test('the frame is around connected apps and errors, too', async t => {
  const { page, redeem, origin } = await ask(t)
  await page.getByRole('button', { name: 'Let it in' }).click()
  await redeem()
  await page.goto(`${origin}/connected-apps`)
  t.equal(await page.locator('.acme-bar').textContent(), 'Acme Notes')
  await page.getByRole('button', { name: /Demo CLI/ }).click()
  await page.getByRole('status').waitFor()
  await page.goto(`${origin}/oauth/authorize?client_id=nobody`)
  t.equal(await page.locator('.acme-bar').textContent(), 'Acme Notes')
  t.match(await page.locator('h1').textContent(), /does not know this app/)
})

for (const colorScheme of ['light', 'dark'] as const)
  t.test(`WCAG 2.2 AA, ${colorScheme}, on a phone`, async t => {
    const { page } = await ask(t, { colorScheme, viewport: { width: 320, height: 640 }, bypassCSP: true })
    await page.evaluate(axe.source)
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
    const { violations } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(tags)} })`)
    t.strictSame(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`),
      []
    )
    t.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 320, 'nothing sticks out')
  })
