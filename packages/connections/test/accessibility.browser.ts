/** Holds every page of the gallery to WCAG 2.2 AA: axe on a narrow screen in light and dark, and nothing that sticks out there. */
import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { GALLERY, openGallery } from './gallery.ts'

/** As wide as a desktop window of 1280 at 400 % zoom. */
const NARROW = 320
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

const { app, origin } = await openGallery()
t.teardown(() => app.close())
const browser = await launchBrowser()
t.teardown(() => browser.close())

async function violations(page: Page, rules?: readonly string[]): Promise<string[]> {
  const options = { runOnly: rules === undefined ? TAGS : { type: 'rule', values: rules }, resultTypes: ['violations'] }
  // What is in order is much, and nobody reads it.
  const results = await page.evaluate<Pick<AxeResults, 'violations'>>(
    `axe.run(${JSON.stringify(options)}).then(({ violations }) => ({ violations }))`
  )
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

async function open(lang: string): Promise<Page> {
  const context = await browser.newContext({ locale: lang, reducedMotion: 'reduce' })
  t.teardown(() => context.close())
  return context.newPage()
}

async function show(page: Page, name: string, width: number): Promise<void> {
  await page.setViewportSize({ width, height: 900 })
  await page.goto(`${origin}/${name}`)
  await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`)
}

t.test('items 86 to 92: axe finds nothing on any page', async t => {
  const page = await open('en')
  await page.addInitScript(axe.source)
  for (const name of Object.keys(GALLERY)) {
    await page.emulateMedia({ colorScheme: 'light' })
    await show(page, name, NARROW)
    t.strictSame(await violations(page), [], `${name}, light`)
    await page.emulateMedia({ colorScheme: 'dark' })
    t.strictSame(await violations(page, ['color-contrast']), [], `${name}, dark`)
  }
})

// Long words, and letters that run the other way.
for (const lang of ['en', 'de', 'ar'])
  t.test(`items 86 to 92: nothing sticks out of a narrow screen in ${lang}`, async t => {
    const page = await open(lang)
    for (const name of Object.keys(GALLERY)) {
      await show(page, name, NARROW)
      const scrolled = await page.evaluate<number>('document.documentElement.scrollWidth')
      t.ok(scrolled <= NARROW, `${name}: ${scrolled} px at ${NARROW}`)
    }
  })
