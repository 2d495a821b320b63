/** A person with a real browser, from the client's link to the client's callback. */
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { type Callback, listenForCallback } from './callback.ts'
import { ALICE, BOB, listen } from './running-app.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

const SCOPE = 'mcp:tools notes:read notes:write'

interface Visit {
  readonly context: BrowserContext
  readonly page: Page
  readonly client: OAuthClient
  readonly callback: Callback
  /** What the browser complained about, such as a blocked form or style. */
  readonly complaints: string[]
  /** Opens a fresh authorization request in a tab and signs in if asked. */
  begin(page: Page, account?: { username: string; password: string }): Promise<{ codeVerifier: string; state: string }>
  /** The scope of the tokens that the answer buys; throws when it buys none. */
  scopeOf(answer: URLSearchParams | undefined, codeVerifier: string): Promise<string>
}

async function visit(t: Test, options: { javaScriptEnabled?: boolean } = {}): Promise<Visit> {
  const { resource } = await listen(t)
  const callback = await listenForCallback(t)
  const { redirectUri } = callback
  const client = createOAuthClient({ resource, clientId: 'demo-cli', redirectUri })
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const complaints: string[] = []
  context.on('console', message => {
    // A page that says "409" is logged as an error, too; that is not what this is about.
    if (message.type() === 'error' && !message.text().includes('status of 4')) complaints.push(message.text())
  })
  return {
    context,
    page: await context.newPage(),
    client,
    callback,
    complaints,
    async begin(page, account = ALICE) {
      const started = await client.start({ scope: SCOPE })
      await page.goto(started.url)
      if (new URL(page.url()).pathname === '/login') await signIn(page, account)
      return started
    },
    async scopeOf(answer, codeVerifier) {
      const response = await client.redeem({ code: answer?.get('code') ?? null, codeVerifier, redirectUri })
      if (response.statusCode !== 200) throw new Error(response.body)
      return response.json<{ scope: string }>().scope
    }
  }
}

async function signIn(page: Page, account: { username: string; password: string }): Promise<void> {
  await page.getByLabel('Name').fill(account.username)
  await page.getByLabel('Password').fill(account.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const allow = (page: Page) => page.getByRole('button', { name: 'Allow', exact: true })

async function unticksAndAllows(t: Test, person: Visit): Promise<void> {
  const { page, callback } = person
  const { codeVerifier, state } = await person.begin(page)
  t.match(await page.getByRole('heading', { level: 1 }).textContent(), /Acme Notes/)
  t.match(await page.locator('main').textContent(), /Alice Liddell/)
  t.equal(await page.getByLabel('See who you are').isDisabled(), true, 'what is needed is locked')
  await page.getByLabel('Add notes').uncheck()
  await allow(page).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  const [answer] = callback.answers
  t.equal(answer?.get('state'), state)
  t.equal(answer?.get('iss'), (await person.client.discover()).server.issuer)
  t.equal(await person.scopeOf(answer, codeVerifier), 'mcp:tools notes:read')
  t.strictSame(person.complaints, [])
}

t.test('AZ-24: alice signs in, unticks a permission, allows, and the client gets the smaller scope', async t => {
  await unticksAndAllows(t, await visit(t))
})

t.test('the same works without JavaScript', async t => {
  await unticksAndAllows(t, await visit(t, { javaScriptEnabled: false }))
})

t.test('RFC 6749 4.1.2.1: a person who says no sends the client an error and nothing else', async t => {
  const { page, callback, begin, complaints } = await visit(t)
  const { state } = await begin(page)
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  const [answer] = callback.answers
  t.equal(answer?.get('error'), 'access_denied')
  t.equal(answer?.get('state'), state)
  t.ok(answer?.get('iss'))
  t.equal(answer?.get('code'), null)
  t.strictSame(complaints, [])
})

t.test('the back button leads to a page that says it is over, not to a second code', async t => {
  const { page, callback, begin, scopeOf } = await visit(t)
  const { codeVerifier } = await begin(page)
  await allow(page).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  await page.goBack()
  if (await allow(page).isVisible()) await allow(page).click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  t.equal(await allow(page).count(), 0)
  t.equal(callback.answers.length, 1)
  t.equal(await scopeOf(callback.answers[0], codeVerifier), SCOPE)
})

t.test('two tabs do not disturb each other', async t => {
  const { context, page: first, callback, begin, scopeOf } = await visit(t)
  const second = await context.newPage()
  const one = await begin(first)
  const two = await begin(second)
  await allow(second).click()
  await second.waitForURL(`${callback.redirectUri}?**`)
  await allow(first).click()
  await first.waitForURL(`${callback.redirectUri}?**`)
  t.strictSame(
    callback.answers.map(answer => answer.get('state')),
    [two.state, one.state]
  )
  t.equal(await scopeOf(callback.answers[0], two.codeVerifier), SCOPE)
  t.equal(await scopeOf(callback.answers[1], one.codeVerifier), SCOPE)
})

t.test('the same page in two tabs is answered once', async t => {
  const { context, page, callback, begin, scopeOf } = await visit(t)
  const { codeVerifier } = await begin(page)
  const copy = await context.newPage()
  await copy.goto(page.url())
  await allow(page).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  const [answer] = callback.answers
  t.equal(answer && (await scopeOf(answer, codeVerifier)), SCOPE)
  await allow(copy).click()
  await copy.getByText('Reference').waitFor()
  t.equal(callback.answers.length, 1)
})

t.test('a double click on Allow brings the person back with one code, whichever click the browser kept', async t => {
  const { page, callback, begin, scopeOf } = await visit(t)
  const { codeVerifier } = await begin(page)
  await allow(page).dblclick()
  // By what is there at the end: the second click breaks off the navigation that the first has begun.
  await page.getByRole('heading', { name: 'You can close this window.' }).waitFor()
  t.equal(new Set(callback.answers.map(answer => answer.get('code'))).size, 1)
  const [answer] = callback.answers
  t.equal(answer && (await scopeOf(answer, codeVerifier)), SCOPE)
})

t.test('when somebody else signed in meanwhile, Allow counts for nobody', async t => {
  const { context, page, callback, begin, client } = await visit(t)
  await begin(page)
  const other = await context.newPage()
  const { issuer } = (await client.discover()).server
  await other.goto(`${issuer}/login`)
  await signIn(other, BOB)
  await other.getByText('Bob Builder').waitFor()
  await allow(page).click()
  await page.getByText('Reference').waitFor()
  t.equal(callback.answers.length, 0)
})

t.test('whoever is signed in as somebody else can switch, and decides as the right person', async t => {
  const { page, callback, begin } = await visit(t)
  await begin(page, BOB)
  await page.getByRole('link', { name: /not you/i }).click()
  await signIn(page, ALICE)
  t.match(await page.locator('main').textContent(), /Alice Liddell/)
  await allow(page).click()
  await page.waitForURL(`${callback.redirectUri}?**`)
  t.ok(callback.answers[0]?.get('code'))
})
