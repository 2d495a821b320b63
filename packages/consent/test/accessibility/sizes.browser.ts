/** Every page in sizes that few people have: on a screen of 3840 pixels, at 400 % zoom, and with text twice as large. */
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../../.ci/browser.ts'
import { GALLERY, openGallery, pathOf } from '../gallery.ts'

interface Size {
  readonly width: number
  readonly height: number
  readonly deviceScaleFactor: number
  /** Of the text, as a style of the person's own sets it. */
  readonly fontSize?: string
}

const SIZES: { readonly [name: string]: Size } = {
  'WCAG 1.4.10: on a screen of 3840 pixels': { width: 3840, height: 2160, deviceScaleFactor: 1 },
  'WCAG 1.4.10: at 400 % zoom in a window of 1280 pixels': { width: 320, height: 256, deviceScaleFactor: 4 },
  'WCAG 1.4.4: with text at 200 % in a window of 390 pixels': {
    width: 390,
    height: 844,
    deviceScaleFactor: 1,
    fontSize: '200%'
  }
}

const { app, fake, origin } = await openGallery()
t.teardown(() => app.close())
const browser = await launchBrowser()
t.teardown(() => browser.close())

/** What a reader would trip over, as sentences. */
const FAULTS = `(() => {
  const root = document.scrollingElement
  const faults = root.scrollWidth > root.clientWidth ? ['scrolls sideways: ' + root.scrollWidth] : []
  const card = document.querySelector('.card').getBoundingClientRect()
  const margins = [card.left, root.clientWidth - card.right]
  if (Math.abs(margins[0] - margins[1]) > 1) faults.push('is not in the middle: ' + margins)
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  if (card.width > 30 * rem) faults.push('has lines that are too long: ' + card.width)
  const controls = [...document.querySelectorAll('.mcp-auth :is(a, button, input, summary)')]
    .map(one => ({ one, box: one.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0)
  for (const { one, box } of controls)
    if (box.left < 0 || box.right > root.clientWidth) faults.push('sticks out: ' + one.outerHTML)
  controls.forEach((a, index) => {
    for (const b of controls.slice(index + 1)) {
      const [left, right] = [Math.max(a.box.left, b.box.left), Math.min(a.box.right, b.box.right)]
      const [top, bottom] = [Math.max(a.box.top, b.box.top), Math.min(a.box.bottom, b.box.bottom)]
      // An inline link over two lines has a box around both.
      const isInline = [a, b].some(({ one }) => one.getClientRects().length > 1)
      if (right - left > 1 && bottom - top > 1 && !isInline) faults.push('overlap: ' + a.one.outerHTML + b.one.outerHTML)
    }
  })
  for (const one of document.querySelectorAll('.card :is(h1, h2, p, dd, dt, button, label)'))
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 && getComputedStyle(one).display !== 'inline')
      faults.push('is cut off: ' + one.outerHTML)
  return faults
})()`

for (const [how, size] of Object.entries(SIZES)) t.test(how, t => checkSize(t, browser, size))

async function checkSize(t: Test, browser: Browser, { deviceScaleFactor, fontSize, ...viewport }: Size): Promise<void> {
  const context = await browser.newContext({ viewport, deviceScaleFactor, reducedMotion: 'reduce' })
  t.teardown(() => context.close())
  const page = await context.newPage()
  for (const [name, exhibit] of Object.entries(GALLERY)) {
    exhibit.arrange(fake)
    await page.goto(`${origin}${pathOf(exhibit)}`)
    await unfold(page)
    if (fontSize !== undefined) await page.evaluate(`document.documentElement.style.fontSize = '${fontSize}'`)
    t.strictSame(await page.evaluate(FAULTS), [], name)
  }
}

async function unfold(page: Page): Promise<void> {
  await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`)
}
