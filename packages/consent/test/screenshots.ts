/**
 * Takes the pictures of the documentation: `docs/images/{consent-light,consent-dark,consent-phone,error}.png`.
 *
 *   node --conditions=@fastify-mcp-auth/source packages/consent/test/screenshots.ts [folder]
 */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InteractionError } from '@fastify-mcp-auth/core'
import type { Browser } from 'playwright-core'
import { launchBrowser } from './browser.ts'
import { buildApp, consentRequest, fakeServer, scope, unverified } from './fake-server.ts'

interface Picture {
  readonly name: string
  readonly details: ReturnType<typeof fakeServer>['details']
  readonly colorScheme?: 'light' | 'dark'
  readonly width?: number
}

const stepUp = consentRequest({
  stepUp: true,
  scopes: [
    scope('mcp:tools', 'See who you are', { detail: 'Your name', required: true, granted: true }),
    scope('notes:read', 'Read your notes', { tools: ['list_notes', 'search', 'open'], granted: true }),
    scope('notes:admin', 'Delete notes', { tools: ['delete_all_notes'], destructive: true })
  ]
})

const PICTURES: readonly Picture[] = [
  { name: 'consent-light', details: consentRequest() },
  { name: 'consent-dark', details: consentRequest(), colorScheme: 'dark' },
  { name: 'consent-phone', details: consentRequest(unverified), width: 390 },
  { name: 'consent-step-up', details: stepUp },
  { name: 'error', details: new InteractionError('interaction_expired', { clientName: 'Claude' }) }
]

const folder = resolve(process.argv[2] ?? 'docs/images')
mkdirSync(folder, { recursive: true })
const browser = await launchBrowser()
const fake = fakeServer()
const app = await buildApp({ fake, options: { brand: { name: 'Acme Notes' } } })
const origin = await app.listen({ host: '127.0.0.1', port: 0 })
for (const picture of PICTURES) await take(browser, picture)
await browser.close()
await app.close()

async function take(from: Browser, { name, details, colorScheme = 'light', width = 608 }: Picture): Promise<void> {
  fake.details = details
  const page = await from.newPage({ colorScheme, viewport: { width, height: 200 }, deviceScaleFactor: 2 })
  await page.goto(`${origin}/oauth/interaction/handle-1`)
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  await page.close()
}
