import type { FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import type { FakeServer } from './fake-server.ts'
import { GALLERY, openGallery } from './gallery.ts'

let fake: FakeServer
let app: FastifyInstance
let browser: Browser
let origin = ''
t.before(async () => {
  const gallery = await openGallery()
  fake = gallery.fake
  app = gallery.app
  origin = gallery.origin
  browser = await launchBrowser()
})
t.teardown(async () => {
  await browser?.close()
  await app?.close()
})

async function open(name: string, width: number): Promise<Page> {
  GALLERY[name]?.arrange(fake)
  const page = await browser.newPage({ viewport: { width, height: 800 }, reducedMotion: 'reduce' })
  await page.goto(`${origin}/oauth/interaction/handle-1`)
  await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true
    for (const animation of document.getAnimations()) animation.finish()`)
  return page
}

t.test('WCAG 2.5.8: what can be pressed is large enough', async t => {
  const page = await open('consent-step-up', 320)
  for (const selector of ['.decision button', '.scope', '.fold summary'])
    for (const element of await page.locator(selector).all())
      t.ok(((await element.boundingBox())?.height ?? 0) >= 44, `${selector} is at least 44 px high`)
  await page.close()
})

t.test('on a phone the buttons are stacked, Allow first; they are equal in size everywhere', async t => {
  const place = async (page: Page, name: string): Promise<{ x: number; y: number; width: number; height: number }> => {
    const box = await page.getByRole('button', { name, exact: true }).boundingBox()
    if (box === null) throw new Error(`${name} is not there`)
    return box
  }
  for (const width of [400, 1280]) {
    const page = await open('consent', width)
    const [deny, allow] = [await place(page, 'Deny'), await place(page, 'Allow')]
    t.same([allow.width, allow.height], [deny.width, deny.height])
    if (width === 400) t.ok(allow.y + allow.height < deny.y, 'Allow above Deny')
    else t.ok(deny.x + deny.width < allow.x && deny.y === allow.y, 'side by side')
    await page.close()
  }
})

t.test('the page asks nobody but this origin for anything', async t => {
  GALLERY['consent']?.arrange(fake)
  const page = await browser.newPage()
  const hosts = new Set<string>()
  page.on('request', request => hosts.add(new URL(request.url()).origin))
  const problems: string[] = []
  page.on('console', message => problems.push(message.text()))
  await page.goto(`${origin}/oauth/interaction/handle-1`, { waitUntil: 'networkidle' })
  t.strictSame([...hosts], [origin])
  t.equal(await page.evaluate("document.querySelector('.client-logo').naturalWidth"), 64, 'the logo came from here')
  t.strictSame(problems, [], 'and its own policy blocks nothing of it')
  await page.close()
})
