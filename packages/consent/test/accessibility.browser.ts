import { InteractionError } from '@fastify-mcp-auth/core'
import axe, { type AxeResults } from 'axe-core'
import type { FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { launchBrowser } from './browser.ts'
import { buildApp, consentRequest, fakeServer, scope, unverified } from './fake-server.ts'

const long = 'Wonderful_assistant_of_a_company_with_a_name_that_does_not_end_'.repeat(3)

const PAGES = {
  'verified app': consentRequest(),
  'unverified app on this computer': consentRequest(unverified),
  'step-up': consentRequest({
    stepUp: true,
    scopes: [
      scope('mcp:tools', 'See who you are', { required: true, granted: true }),
      scope('notes:admin', 'Delete notes', { tools: ['delete_all_notes'], destructive: true })
    ]
  }),
  'a choice of organizations': consentRequest({
    organizations: [
      { id: 'acme', name: 'Acme' },
      { id: 'long', name: long }
    ]
  }),
  'everything is long': consentRequest({
    client: { name: long, verifiedHost: null },
    redirect: { uri: '', kind: 'https', host: `${'a'.repeat(60)}.${'b'.repeat(60)}.example`, formAction: '' },
    account: { displayName: `${'x'.repeat(64)}@${'y'.repeat(60)}.example`, switchUrl: '/login', proof: 'p' },
    resources: [{ resource: 'https://notes.example/mcp', name: long }],
    scopes: [scope('a', long, { detail: long, tools: [long, long], destructive: true, required: true })]
  }),
  'from right to left': consentRequest({ client: { name: 'مساعد الملاحظات', verifiedHost: null } }),
  error: new InteractionError('interaction_expired', { clientName: long })
} as const

/** As wide as a phone, and as a desktop window of 1280 at 400 % zoom. */
const NARROW = 320

const fake = fakeServer()
let app: FastifyInstance
let browser: Browser
let origin = ''
t.before(async () => {
  // A pale accent is the hard case for contrast.
  app = await buildApp({ fake, options: { brand: { name: 'Acme Notes', accent: '#ffd400' } } })
  origin = await app.listen({ host: '127.0.0.1', port: 0 })
  browser = await launchBrowser()
})
t.teardown(async () => {
  await browser?.close()
  await app?.close()
})

async function open(colorScheme: 'light' | 'dark', width: number): Promise<Page> {
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce' })
  await page.goto(`${origin}/oauth/interaction/handle-1`)
  await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true
    for (const animation of document.getAnimations()) animation.finish()`)
  return page
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
  const results = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(tags)} })`)
  const doubts = results.incomplete.filter(({ id }) => id === 'color-contrast')
  return [...results.violations, ...doubts].map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' ')}`
  )
}

for (const [name, details] of Object.entries(PAGES)) {
  t.test(`WCAG 2.2 AA: ${name}`, async t => {
    fake.details = details
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [NARROW, 1280]) {
        const page = await open(colorScheme, width)
        t.strictSame(await violations(page), [], `${colorScheme}, ${width} px`)
        const scrolled = await page.evaluate<number>('document.documentElement.scrollWidth')
        t.ok(scrolled <= width, `nothing sticks out sideways at ${width} px (${scrolled})`)
        await page.close()
      }
    }
  })
}

t.test('WCAG 2.5.8: what can be pressed is large enough', async t => {
  fake.details = PAGES['step-up']
  const page = await open('light', NARROW)
  for (const selector of ['.decision button', '.scope', '.already summary'])
    for (const element of await page.locator(selector).all())
      t.ok(((await element.boundingBox())?.height ?? 0) >= 44, `${selector} is at least 44 px high`)
  await page.close()
})

t.test('on a phone the buttons are stacked, Allow first; they are equal in size everywhere', async t => {
  fake.details = PAGES['verified app']
  const place = async (page: Page, name: string): Promise<{ x: number; y: number; width: number; height: number }> => {
    const box = await page.getByRole('button', { name, exact: true }).boundingBox()
    if (box === null) throw new Error(`${name} is not there`)
    return box
  }
  for (const width of [400, 1280]) {
    const page = await open('light', width)
    const [deny, allow] = [await place(page, 'Deny'), await place(page, 'Allow')]
    t.same([allow.width, allow.height], [deny.width, deny.height])
    if (width === 400) t.ok(allow.y + allow.height < deny.y, 'Allow above Deny')
    else t.ok(deny.x + deny.width < allow.x && deny.y === allow.y, 'side by side')
    await page.close()
  }
})

t.test('the page asks nobody but this origin for anything', async t => {
  fake.details = PAGES['verified app']
  const page = await browser.newPage()
  const hosts = new Set<string>()
  page.on('request', request => hosts.add(new URL(request.url()).origin))
  const problems: string[] = []
  page.on('console', message => problems.push(message.text()))
  await page.goto(`${origin}/oauth/interaction/handle-1`, { waitUntil: 'networkidle' })
  t.strictSame([...hosts], [origin])
  t.strictSame(problems, [], 'and its own policy blocks nothing of it')
  await page.close()
})
