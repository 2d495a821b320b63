/** A person with a real browser in front of the whole example, and what is asked of every page. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { listenDesk, type RunningDesk } from './running-desk.ts'

export const browser: Browser = await launchBrowser()
t.teardown(() => browser.close())

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export interface Visit extends RunningDesk {
  readonly context: BrowserContext
  readonly page: Page
  readonly complaints: string[]
}

export async function visit(
  t: Test,
  who: string,
  options: Parameters<Browser['newContext']>[0] = {},
  running?: Parameters<typeof listenDesk>[1]
): Promise<Visit> {
  const desk = await listenDesk(t, running)
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const complaints: string[] = []
  context.on('console', message => {
    // A page that says "409" is logged as an error, too; that is not what this is about.
    if (message.type() === 'error' && !message.text().includes('status of 4')) complaints.push(message.text())
  })
  const page = await context.newPage()
  await page.goto(desk.origin)
  await page.getByRole('button', { name: who }).click()
  return { ...desk, context, page, complaints }
}

export const OWNER = { type: 'user', id: 'alice', agent: 'briefing' } as const

export const row = (page: Page, name: string) => page.locator('li.connection', { hasText: name })

export async function signInAndDecide(page: Page, decision: 'Allow' | 'Deny'): Promise<void> {
  if (new URL(page.url()).pathname === '/login') {
    await page.getByLabel('Name').fill('alice')
    await page.getByLabel('Password').fill('wonderland')
    await page.getByRole('button', { name: 'Sign in' }).click()
  }
  await page.getByRole('button', { name: decision, exact: true }).click()
}

/** Serious and trivial alike: none. */
export async function assertAccessible(t: Test, page: Page, name: string): Promise<void> {
  // Pages have no script of their own; the policy would stop one that is added by a tag.
  await page.evaluate(AXE)
  const violations = await page.evaluate(async () => {
    const axe = Reflect.get(globalThis, 'axe') as {
      run: (options: object) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>
    }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations } = await axe.run({ runOnly: { type: 'tag', values: tags } })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  })
  t.strictSame(violations, [], `${name}: axe`)
  const isWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
  t.notOk(isWide, `${name}: does not scroll sideways`)
}
