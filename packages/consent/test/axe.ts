/** Holds pages to WCAG 2.2 AA: axe in every language and in the dark, nothing sticking out on a narrow screen, and what can be pressed large enough. */
import axe, { type AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { type Exhibit, GALLERY, openGallery, pathOf } from './gallery.ts'

/** As wide as a phone, and as a desktop window of 1280 at 400 % zoom. */
const NARROW = 320
const WIDE = 1280

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const KINDS = ['violations', 'incomplete'] as const

/** Every page of the gallery in one language, a file for each so that none takes long. @param lang language of the browser */
export async function checkLanguage(lang: string): Promise<void> {
  const browser = await launchBrowser()
  t.teardown(() => browser.close())
  await t.test(`every page in ${lang}`, t => checkGallery(t, { browser, lang }))
}

async function checkGallery(t: Test, { browser, lang }: { browser: Browser; lang: string }): Promise<void> {
  // A pale accent is the hard case for contrast.
  const { app, fake, origin } = await openGallery('#ffd400')
  t.teardown(() => app.close())
  const context = await browser.newContext({ locale: lang, reducedMotion: 'reduce' })
  t.teardown(() => context.close())
  await context.addInitScript(axe.source)
  const page = await context.newPage()
  const exhibits = Object.entries(GALLERY).filter(([, { onlyEnglish }]) => lang === 'en' || !onlyEnglish)
  for (const [name, exhibit] of exhibits)
    await t.test(`WCAG 2.2 AA: ${name}, ${lang}`, async t => {
      exhibit.arrange(fake)
      await checkPage(t, page, { exhibit, origin, lang })
    })
}

async function checkPage(
  t: Test,
  page: Page,
  { exhibit, origin, lang }: { exhibit: Exhibit; origin: string; lang: string }
): Promise<void> {
  await page.setViewportSize({ width: WIDE, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto(`${origin}${pathOf(exhibit)}`)
  t.equal(await page.evaluate('document.documentElement.lang'), lang)
  await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true
    for (const animation of document.getAnimations()) animation.finish()`)
  t.strictSame(await violations(page), [], 'light')
  await page.setViewportSize({ width: NARROW, height: 900 })
  const scrolled = await page.evaluate<number>('document.documentElement.scrollWidth')
  t.ok(scrolled <= NARROW, `nothing sticks out sideways at ${NARROW} px (${scrolled})`)
  // Words change from language to language; sizes and colours do not.
  if (lang !== 'en') return
  t.strictSame(await violations(page, ['target-size']), [], 'narrow')
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.setViewportSize({ width: WIDE, height: 900 })
  t.strictSame(await violations(page, ['color-contrast']), [], 'dark')
}

/** @param rules only these; all of WCAG 2.2 AA when left out */
async function violations(page: Page, rules?: readonly string[]): Promise<string[]> {
  const options = { runOnly: rules === undefined ? TAGS : { type: 'rule', values: rules }, resultTypes: KINDS }
  // What is in order is much, and nobody reads it.
  const results = await page.evaluate<Pick<AxeResults, (typeof KINDS)[number]>>(
    `axe.run(${JSON.stringify(options)}).then(({ violations, incomplete }) => ({ violations, incomplete }))`
  )
  const doubts = results.incomplete.filter(({ id }) => id === 'color-contrast')
  return [...results.violations, ...doubts].map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' ')}`
  )
}
