/** A person with a browser of their own, in front of one client. */
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { type AcmeNotes, type AcmeNotesOptions, listenAcmeNotes } from './acme-notes.ts'
import type { Callbacks } from './clients.ts'

export interface Visit extends AcmeNotes {
  readonly context: BrowserContext
  readonly page: Page
  readonly client: OAuthClient
  readonly redirectUri: string
  /** What the browser complained about: a blocked form, style or image. */
  readonly complaints: string[]
  /** Opens a fresh authorization request in a tab, and signs in where a login form appears. */
  begin(page: Page, more?: { scope?: string; as?: string }): Promise<{ codeVerifier: string; state: string }>
  signIn(page: Page, name: string): Promise<void>
  /** Presses a button and waits for the answer at the client, wherever that is. */
  press(page: Page, name: 'Allow' | 'Deny'): Promise<URLSearchParams>
  /** The scope that an answer buys. @throws Error when it buys nothing */
  scopeOf(answer: URLSearchParams, codeVerifier: string): Promise<string>
}

export interface VisitOptions extends AcmeNotesOptions {
  readonly kind?: keyof Callbacks['uris']
  readonly context?: BrowserContextOptions
}

export async function visit(
  t: Test,
  { browser, callbacks }: { browser: Browser; callbacks: Callbacks },
  { kind = 'loopback', context: contextOptions, options, ...rest }: VisitOptions = {}
): Promise<Visit> {
  const redirectUri = callbacks.uris[kind]
  const clients = [{ client_id: 'assistant', client_name: 'Assistant', redirect_uris: [redirectUri] }]
  const acme = await listenAcmeNotes(t, { options: { clients, ...options }, ...rest })
  const client = createOAuthClient({ resource: acme.resource, issuer: acme.origin, clientId: 'assistant', redirectUri })
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...contextOptions })
  t.teardown(() => context.close())
  const complaints: string[] = []
  context.on('console', message => {
    // A page that says "409" is logged as an error, too; that is not what this is about.
    if (message.type() === 'error' && !message.text().includes('status of 4')) complaints.push(message.text())
  })
  callbacks.answers.length = 0

  const signIn = async (page: Page, name: string): Promise<void> => {
    await page.getByLabel('Name').fill(name)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }
  return {
    ...acme,
    context,
    page: await context.newPage(),
    client,
    redirectUri,
    complaints,
    signIn,
    async begin(page, { scope = 'mcp:tools notes:read notes:write', as = 'alice' } = {}) {
      const started = await client.start({ scope })
      await page.goto(started.url)
      if (new URL(page.url()).pathname === '/login') await signIn(page, as)
      return started
    },
    async press(page, name) {
      const arrived = arrival(page, redirectUri)
      await page.getByRole('button', { name, exact: true }).click()
      return arrived
    },
    async scopeOf(answer, codeVerifier) {
      const response = await client.redeem({ code: answer.get('code'), codeVerifier, redirectUri })
      if (response.statusCode !== 200) throw new Error(response.body)
      return response.json<{ scope: string }>().scope
    }
  }
}

/** The query with which the browser goes to the client. No program has the scheme here, so its request begins and fails. */
export async function arrival(page: Page, redirectUri: string): Promise<URLSearchParams> {
  if (redirectUri.startsWith('http')) await page.waitForURL(`${redirectUri}?**`)
  const url = redirectUri.startsWith('http')
    ? page.url()
    : (await page.waitForEvent('requestfailed', request => request.url().startsWith(redirectUri))).url()
  return new URL(url).searchParams
}
