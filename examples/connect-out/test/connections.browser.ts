/** People with a real browser: connect, deny, expire, reconnect, step up, disconnect, a key, an administrator. Axe finds nothing. */
import t from 'tap'
import { KEYS } from '../keyed-servers.ts'
import { assertAccessible, browser, OWNER, row, signInAndDecide, visit } from './visit.ts'

for (const javaScriptEnabled of [true, false]) {
  t.test(`connect, use, disconnect; JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async t => {
    const { page, origin, desk, complaints } = await visit(t, 'alice', { javaScriptEnabled })
    await page.goto(`${origin}/connections`)
    await row(page, 'Acme Notes').getByRole('button', { name: 'Connect' }).click()
    await signInAndDecide(page, 'Allow')
    await page.waitForURL(`${origin}/connections`)
    t.match(await row(page, 'Acme Notes').textContent(), 'Connected')
    t.equal((await desk.mcpConnections.status(OWNER, 'notes')).status, 'active')

    await page.goBack()
    await page.goto(`${origin}/connections`)
    await row(page, 'Acme Notes')
      .getByRole('link', { name: /Details/ })
      .click()
    await page.getByRole('button', { name: 'Look again' }).click()
    t.ok(await page.getByLabel('whoami').isChecked())
    await page.getByLabel('delete_all_notes').uncheck()
    await page.getByRole('button', { name: 'Save the choice' }).click()
    t.notOk(await page.getByLabel('delete_all_notes').isChecked())
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.waitForURL(`${origin}/connections`)
    t.match(await row(page, 'Acme Notes').textContent(), 'Not connected')
    t.equal((await desk.mcpConnections.status(OWNER, 'notes')).status, 'not_connected')
    t.strictSame(complaints, [])
  })
}

t.test('deny: nothing is connected, and the way on is there', async t => {
  const { page, origin, desk } = await visit(t, 'alice')
  await page.goto(`${origin}/connections`)
  await row(page, 'Acme Notes').getByRole('button', { name: 'Connect' }).click()
  await signInAndDecide(page, 'Deny')
  await page.getByRole('heading', { name: 'You said no' }).waitFor()
  await assertAccessible(t, page, 'error')
  t.equal((await desk.mcpConnections.status(OWNER, 'notes')).status, 'not_connected')
  await page.getByRole('link', { name: 'Try again' }).click()
  await page.getByRole('heading', { name: 'Connect Acme Notes' }).waitFor()
})

t.test('the connection ends there: the page says so, and one click connects again', async t => {
  const { page, origin, desk, notes } = await visit(t, 'alice')
  await page.goto(`${origin}/connections/connect/notes`)
  await assertAccessible(t, page, 'connect')
  await page.getByRole('button', { name: 'Connect' }).click()
  await signInAndDecide(page, 'Allow')
  await page.waitForURL(`${origin}/connections`)
  await notes.authorizationServer.grants.revokeAll({ subject: 'user-1' })
  await t.rejects(desk.mcpConnections.refresh(OWNER, 'notes'), { code: 'MCP_NEEDS_REAUTH', reason: 'invalid_grant' })
  await page.goto(`${origin}/connections`)
  t.match(await row(page, 'Acme Notes').textContent(), 'Has ended')
  await row(page, 'Acme Notes').getByRole('button', { name: 'Connect again' }).click()
  await signInAndDecide(page, 'Allow')
  await page.waitForURL(`${origin}/connections`)
  t.match(await row(page, 'Acme Notes').textContent(), 'Connected')
})

t.test('a call needs more: the page says so, the person allows it, and it works', async t => {
  const { page, origin, desk } = await visit(t, 'alice')
  await page.goto(`${origin}/connections`)
  await row(page, 'Acme Notes').getByRole('button', { name: 'Connect' }).click()
  await signInAndDecide(page, 'Allow')
  await page.waitForURL(`${origin}/connections`)
  const addNote = () =>
    desk.mcpConnections.withClient(OWNER, 'notes', client =>
      client.callTool({ name: 'add_note', arguments: { text: 'tea' } })
    )
  await t.rejects(addNote(), { code: 'MCP_NEEDS_SCOPE', missingScopes: ['notes:write'] })
  await page.goto(`${origin}/connections`)
  t.match(await row(page, 'Acme Notes').textContent(), 'Needs a permission')
  await row(page, 'Acme Notes').getByRole('button', { name: 'Allow it' }).click()
  await page.getByRole('heading', { name: /asks for one more permission/ }).waitFor()
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.waitForURL(`${origin}/connections`)
  await addNote()
  t.strictSame((await desk.mcpConnections.status(OWNER, 'notes')).missingScopes, [])
})

t.test('an inline key: entered once, never shown, refused and replaced', async t => {
  const { page, origin } = await visit(t, 'alice')
  await page.goto(`${origin}/connections`)
  await row(page, 'Weather').getByRole('link', { name: 'Connect' }).or(row(page, 'Weather').getByRole('button')).click()
  await assertAccessible(t, page, 'key')
  await page.getByLabel('Key').fill('weather-nobody')
  await page.getByRole('button', { name: 'Save the key' }).click()
  await page.waitForURL(`${origin}/connections`)
  await row(page, 'Weather')
    .getByRole('link', { name: /Details/ })
    .click()
  t.notMatch(await page.content(), 'weather-nobody')
  await page.getByRole('button', { name: 'Look again' }).click()
  await page.goto(`${origin}/connections`)
  t.match(await row(page, 'Weather').textContent(), 'Key not accepted')
  await row(page, 'Weather').getByRole('link', { name: 'Enter a new key' }).click()
  await page.getByLabel('Key').fill(KEYS.weatherOfAlice)
  await page.getByRole('button', { name: 'Save the key' }).click()
  t.match(await row(page, 'Weather').textContent(), 'Connected')
})

t.test('an administrator adds a server, checks it, and takes it away', async t => {
  const { page, origin, settings } = await visit(t, 'alice')
  await page.goto(`${origin}/connections/admin`)
  await assertAccessible(t, page, 'dashboard')
  await page.getByRole('link', { name: 'Servers' }).click()
  await assertAccessible(t, page, 'servers')
  await page.getByRole('link', { name: 'Add a server' }).click()
  await assertAccessible(t, page, 'new server')
  await page.getByLabel('Id', { exact: true }).fill('more-notes')
  await page.getByLabel('Address of the MCP server').fill(settings.notesUrl)
  await page.getByLabel('Name', { exact: true }).fill('More notes')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'More notes' }).waitFor()
  await page.getByRole('link', { name: 'Check it' }).click()
  await page.getByText('It can be connected by sign-in.').waitFor()
  await assertAccessible(t, page, 'doctor')
  await page.goto(`${origin}/connections`)
  t.equal(await row(page, 'More notes').count(), 1)
  await page.goto(`${origin}/connections/admin/servers/more-notes`)
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.goto(`${origin}/connections`)
  t.equal(await row(page, 'More notes').count(), 0)
})

t.test('an administrator blocks an issuer and allows it again, by keyboard and without script', async t => {
  const { page, origin, desk } = await visit(t, 'alice', { javaScriptEnabled: false })
  const { issuer } = await desk.mcpConnections.diagnose('notes')
  await page.goto(`${origin}/connections/admin`)
  await page.getByRole('link', { name: 'Blocked issuers' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('None is blocked.').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.type(issuer ?? '')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: `Allow again ${issuer}` }).waitFor()
  t.strictSame(await desk.mcpConnections.blockedIssuers(), [issuer])
  await page.goto(`${origin}/connections`)
  await row(page, 'Acme Notes').getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('heading', { name: 'Acme Notes cannot be connected' }).waitFor()
  await page.goto(`${origin}/connections/admin/issuers`)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByText('None is blocked.').waitFor()
  t.strictSame(await desk.mcpConnections.blockedIssuers(), [])
})

t.test('somebody else sees nothing of it', async t => {
  const { page, origin } = await visit(t, 'bob')
  t.equal((await page.goto(`${origin}/connections/admin`))?.status(), 403)
  await page.goto(`${origin}/connections`)
  t.match(await row(page, 'Acme Notes').textContent(), 'Not connected')
})

t.test('every language, light and dark, from 320 px: axe finds nothing', async t => {
  const { origin, desk } = await visit(t, 'alice')
  await desk.mcpConnections.setCredential(OWNER, 'weather', { secret: KEYS.weatherOfAlice })
  await desk.mcpConnections.syncTools(OWNER, 'weather')
  const { id } = await desk.mcpConnections.status(OWNER, 'weather')
  for (const [index, locale] of ['en', 'de', 'fr', 'es', 'ja', 'ar', 'zh-CN'].entries()) {
    const colorScheme = index % 2 === 0 ? 'dark' : 'light'
    const context = await browser.newContext({ locale, colorScheme, viewport: { width: 320, height: 700 } })
    await context.addCookies([{ name: 'desk-user', value: 'alice', url: origin }])
    const page = await context.newPage()
    for (const path of [
      '',
      '/connect/notes',
      '/connect/search',
      `/${id}`,
      '/admin/servers/notes',
      '/admin/issuers',
      '/nothing/here'
    ]) {
      await page.goto(`${origin}/connections${path}`)
      t.equal(await page.locator('html').getAttribute('dir'), locale === 'ar' ? 'rtl' : 'ltr')
      await assertAccessible(t, page, `${locale} ${path}`)
    }
    await context.close()
  }
})
