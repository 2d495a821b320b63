/**
 * The browser of the browser tests and of the pictures in the documentation. Fails when there is none: a test that skips proves nothing.
 *
 * Chromium without its windows, where that is installed: the same engine (pages, network, policies, scripts), and a context of its own for
 * every person costs a quarter. The workflow on GitHub runs the same tests in the whole of Chrome.
 */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const HEADLESS = '/usr/bin/chromium-headless-shell'
const WHOLE = '/usr/bin/chromium'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

/** @param flags more of them, for example where host names lead */
export function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'] ?? (existsSync(HEADLESS) ? HEADLESS : WHOLE)
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] })
}
