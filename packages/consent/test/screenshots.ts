/**
 * Takes the pictures of the documentation: `docs/images/*.png`, from the same pages that axe looks at.
 *
 *   pnpm run screenshots [folder] [name of a picture ...]
 */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { launchBrowser } from '../../../.ci/browser.ts'
import { GALLERY, openGallery, pathOf } from './gallery.ts'

interface Picture {
  /** Name of the file, and of the page in the gallery when that is not said. */
  readonly name: string
  readonly exhibit?: string
  readonly colorScheme?: 'light' | 'dark'
  readonly width?: number
  readonly locale?: string
  /** Opens what is folded. */
  readonly unfolded?: boolean
}

const PHONE = 390

const PICTURES: readonly Picture[] = [
  { name: 'consent-light', exhibit: 'consent' },
  { name: 'consent-dark', exhibit: 'consent', colorScheme: 'dark' },
  { name: 'consent-phone', exhibit: 'consent-unverified', width: PHONE },
  { name: 'consent-phone-dark', exhibit: 'consent-unverified', width: PHONE, colorScheme: 'dark' },
  { name: 'consent-details', exhibit: 'consent', unfolded: true },
  { name: 'consent-first-time' },
  { name: 'consent-app-link' },
  { name: 'consent-step-up' },
  { name: 'consent-imitation' },
  ...['de', 'fr', 'es', 'ar', 'ja', 'zh-CN'].map(locale => ({
    name: `consent-${locale}`,
    exhibit: 'consent',
    locale
  })),
  { name: 'connected-apps' },
  { name: 'connected-apps-none' },
  { name: 'connected-apps-dark', exhibit: 'connected-apps', colorScheme: 'dark' },
  { name: 'connected-apps-phone', exhibit: 'connected-apps', width: PHONE },
  { name: 'device' },
  { name: 'device-dark', exhibit: 'device', colorScheme: 'dark' },
  { name: 'device-wrong' },
  { name: 'device-compare' },
  { name: 'device-compare-phone', exhibit: 'device-compare', width: PHONE },
  { name: 'device-consent', exhibit: 'consent-device' },
  { name: 'device-allowed' },
  { name: 'device-denied' },
  { name: 'sign-out' },
  { name: 'sign-out-dark', exhibit: 'sign-out', colorScheme: 'dark' },
  { name: 'signed-out' },
  { name: 'signed-out-not' },
  { name: 'error' },
  { name: 'error-dark', exhibit: 'error', colorScheme: 'dark' }
]

const folder = resolve(process.argv[2] ?? 'docs/images')
mkdirSync(folder, { recursive: true })
const browser = await launchBrowser()
const { app, fake, origin } = await openGallery()
const wanted = process.argv.slice(3)
for (const picture of PICTURES) if (wanted.length === 0 || wanted.includes(picture.name)) await take(picture)
await browser.close()
await app.close()

async function take({ name, exhibit = name, unfolded, width = 608, ...media }: Picture): Promise<void> {
  const shown = GALLERY[exhibit]
  if (!shown) throw new Error(`there is no page "${exhibit}" in the gallery`)
  shown.arrange(fake)
  const { colorScheme = 'light', locale = 'en' } = media
  const viewport = { width, height: 200 }
  const page = await browser.newPage({ colorScheme, locale, viewport, deviceScaleFactor: 2, reducedMotion: 'reduce' })
  await page.goto(`${origin}${pathOf(shown)}`)
  if (unfolded) await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`)
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  await page.close()
}
