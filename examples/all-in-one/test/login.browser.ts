/** The login page in a real browser: readable for everybody, in the light and in the dark, on a phone, without JavaScript. */
import axe, { type AxeResults } from 'axe-core'
import t from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { listenForCallback } from './callback.ts'
import { ALICE, listen } from './running-app.ts'

const browser = await launchBrowser()
t.teardown(() => browser.close())

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`WCAG 2.2 AA: the pages of the app, ${colorScheme}, on a phone`, async t => {
    const { origin } = await listen(t)
    // The policy of the page lets no script in, not even the one that examines it.
    const context = await browser.newContext({ colorScheme, viewport: { width: 320, height: 640 }, bypassCSP: true })
    t.teardown(() => context.close())
    const page = await context.newPage()
    const examine = async (name: string): Promise<void> => {
      await page.evaluate(axe.source)
      const results = await page.evaluate<AxeResults>(
        `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })`
      )
      t.strictSame(
        results.violations.map(({ id }) => id),
        [],
        name
      )
      t.ok(results.passes.length > 5, `${name}: something was examined`)
      const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      t.ok(overflow <= 0, `${name}: nothing sticks out`)
    }
    await page.goto(`${origin}/login`)
    await examine('sign-in')
    await page.getByLabel('Name').fill(ALICE.username)
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    await examine('sign-in, refused')
    await page.getByLabel('Password').fill(ALICE.password)
    await page.keyboard.press('Enter')
    await page.getByText('Alice Liddell').waitFor()
    await examine('home')
  })
}

t.test('cannot be put into a frame', async t => {
  const { origin } = await listen(t)
  const { redirectUri: framable } = await listenForCallback(t)
  const page = await browser.newPage()
  t.teardown(() => page.close())
  // On a page of the same origin: even that one may not.
  await page.goto(`${origin}/.well-known/oauth-authorization-server`)
  await page.setContent(
    `<iframe id="login" src="${origin}/login"></iframe><iframe id="other" src="${framable}"></iframe>`
  )
  await page.frameLocator('#other').getByText('You can close this window.').waitFor()
  t.equal(await page.frameLocator('#login').getByLabel('Password').count(), 0)
})
