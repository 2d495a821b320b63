/** Taking access back, in a real browser against the real server, with JavaScript and without. */
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../../.ci/browser.ts'
import { listenForAnswers } from './clients.ts'
import { type Visit, visit } from './visit.ts'

const callbacks = await listenForAnswers(t)
const browser = await launchBrowser(callbacks.browserFlags)
t.teardown(() => browser.close())

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  const open = (test: Test): Promise<Visit> =>
    visit(
      test,
      { browser, callbacks },
      { context: { javaScriptEnabled }, consent: { connectedApps: '/connected-apps' } }
    )

  t.test(`a person finds the app again and disconnects it; its tokens die at once, ${how}`, async t => {
    const { begin, client, page, press, redirectUri, server, origin, resource, complaints } = await open(t)
    const { codeVerifier } = await begin(page)
    const answer = await press(page, 'Allow')
    const response = await client.redeem({ code: answer.get('code'), codeVerifier, redirectUri })
    const { access_token: token, refresh_token: refresh } = response.json<Record<string, string>>()
    t.ok(await server.verifyAccessToken(token ?? '', resource))

    await page.goto(`${origin}/connected-apps`)
    t.match(await page.locator('main').textContent(), /Assistant.*Read your notes/s)
    await page.getByRole('button', { name: 'Disconnect Assistant', exact: true }).click()
    await page.getByRole('status').waitFor()
    t.match(await page.locator('main').textContent(), /No app can use.*The app is disconnected/s)
    await t.rejects(server.verifyAccessToken(token ?? '', resource), { name: 'OAuthError' })
    t.equal((await client.refresh(refresh ?? '')).statusCode, 400)
    await page.reload()
    t.strictSame(complaints, [])

    await begin(page)
    t.match(await page.locator('main').textContent(), /wants to use/, 'and it has to ask anew')
  })

  t.test(`all at once asks once more, and then they are gone, ${how}`, async t => {
    const { begin, page, press, scopeOf, server, origin } = await open(t)
    for (let round = 0; round < 2; round++) {
      const { codeVerifier } = await begin(page)
      await scopeOf(await press(page, 'Allow'), codeVerifier)
    }
    await page.goto(`${origin}/connected-apps`)
    t.equal(await page.getByRole('button', { name: 'Disconnect all apps' }).isVisible(), false)
    await page.locator('summary').click()
    await page.getByRole('button', { name: 'Disconnect all apps' }).click()
    await page.getByRole('status').waitFor()
    t.match(await page.locator('main').textContent(), /All apps are disconnected/)
    t.strictSame((await server.grants.list('sub-alice')).grants, [])
  })

  t.test(`who is not signed in signs in and comes back; who became somebody else changes nothing, ${how}`, async t => {
    const { begin, context, page, press, scopeOf, signIn, server, origin } = await open(t)
    const { codeVerifier } = await begin(page)
    await scopeOf(await press(page, 'Allow'), codeVerifier)
    await page.goto(`${origin}/logout`)
    await page.goto(`${origin}/connected-apps`)
    await signIn(page, 'alice')
    t.equal(new URL(page.url()).pathname, '/connected-apps')
    const other = await context.newPage()
    await other.goto(`${origin}/login?returnTo=/connected-apps`)
    await signIn(other, 'bob')
    await page.getByRole('button', { name: 'Disconnect Assistant', exact: true }).click()
    await page.getByText('Nothing was changed').waitFor()
    t.match(await page.locator('main').textContent(), /bob@acme\.example/, 'it shows whose page it is now')
    t.equal((await server.grants.list('sub-alice')).grants.length, 1)
  })
}
