/** Takes the picture of the login page for the documentation: `pnpm run screenshots:login`. */
import { join, resolve } from 'node:path'
import { launchBrowser } from '../../../.ci/browser.ts'
import { freePort } from '../../../.ci/free-port.ts'
import { buildApp } from '../app.ts'
import { readConfig } from '../config.ts'

const port = await freePort()
const app = await buildApp(readConfig({ DATABASE_URL: 'memory:', PORT: String(port) }))
await app.listen({ host: '127.0.0.1', port })
const browser = await launchBrowser()
for (const colorScheme of ['light', 'dark'] as const) {
  const viewport = { width: 608, height: 200 }
  const page = await browser.newPage({ colorScheme, viewport, deviceScaleFactor: 2 })
  await page.goto(`http://127.0.0.1:${port}/login`)
  const name = colorScheme === 'light' ? 'login.png' : 'login-dark.png'
  await page.screenshot({ path: join(resolve(process.argv[2] ?? 'docs/images'), name), fullPage: true })
  await page.close()
}
await browser.close()
await app.close()
