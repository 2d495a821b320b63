/**
 * Takes the pictures of the documentation: `docs/images/connections-*.png`, from the same pages that axe looks at.
 *
 *   pnpm run screenshots:connections [folder] [name of a picture ...]
 */
import { join, resolve } from 'node:path'
import { launchBrowser } from '../../../.ci/browser.ts'
import { openGallery } from './gallery.ts'

interface Picture {
  /** Name of the file after `connections-`, and of the page in the gallery when that is not said. */
  readonly name: string
  readonly exhibit?: string
  readonly colorScheme?: 'light' | 'dark'
  readonly width?: number
}

const PHONE = 390

const PICTURES: readonly Picture[] = [
  { name: 'index' },
  { name: 'index-dark', exhibit: 'index', colorScheme: 'dark' },
  { name: 'index-phone', exhibit: 'index', width: PHONE },
  { name: 'connect' },
  { name: 'key' },
  { name: 'connection' },
  { name: 'connection-phone-dark', exhibit: 'connection', width: PHONE, colorScheme: 'dark' },
  { name: 'denied' },
  { name: 'dashboard' },
  { name: 'servers' },
  { name: 'server-new' },
  { name: 'server' },
  { name: 'doctor' },
  { name: 'doctor-broken' },
  { name: 'preview' },
  { name: 'issuers' }
]

const folder = resolve(process.argv[2] ?? 'docs/images')
const wanted = process.argv.slice(3)
const browser = await launchBrowser()
const { app, origin } = await openGallery()
for (const { name, exhibit = name, width = 608, colorScheme = 'light' } of PICTURES) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const viewport = { width, height: 200 }
  const page = await browser.newPage({
    colorScheme,
    locale: 'en',
    viewport,
    deviceScaleFactor: 2,
    reducedMotion: 'reduce'
  })
  await page.goto(`${origin}/${exhibit}`)
  await page.screenshot({ path: join(folder, `connections-${name}.png`), fullPage: true })
  await page.close()
}
await browser.close()
await app.close()
