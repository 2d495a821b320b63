/** Each way to decide, in a real browser against the real server, with JavaScript and without. */
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../../.ci/browser.ts'
import { listenForAnswers } from './clients.ts'
import { type VisitOptions, visit } from './visit.ts'

const callbacks = await listenForAnswers(t)
const browser = await launchBrowser(callbacks.browserFlags)
t.teardown(() => browser.close())

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  const open = (test: Test, options: VisitOptions = {}) =>
    visit(test, { browser, callbacks }, { ...options, context: { javaScriptEnabled } })

  for (const kind of ['https', 'loopback', 'private-use'] as const)
    t.test(`REG-12: a yes reaches a client at ${kind} under the shipped policy, ${how}`, async t => {
      const { begin, page, press, scopeOf, complaints, origin } = await open(t, { kind })
      const { codeVerifier, state } = await begin(page)
      const shown = (await page.locator('.facts').textContent()) ?? ''
      t.match(shown, { https: /client\.example/, loopback: /127\.0\.0\.1/, 'private-use': /cursor:/ }[kind])
      const answer = await press(page, 'Allow')
      t.equal(answer.get('state'), state)
      t.equal(answer.get('iss'), origin)
      t.equal(await scopeOf(answer, codeVerifier), 'mcp:tools notes:read notes:write')
      t.strictSame(complaints, [])
    })

  t.test(`RFC 6749 4.1.2.1: a no reaches the client, and nothing is granted, ${how}`, async t => {
    const { begin, page, press, server, complaints } = await open(t, { kind: 'https' })
    const { state } = await begin(page)
    const answer = await press(page, 'Deny')
    t.equal(answer.get('error'), 'access_denied')
    t.equal(answer.get('state'), state)
    t.equal(answer.get('code'), null)
    t.strictSame((await server.grants.list('sub-alice')).grants, [])
    t.strictSame(complaints, [])
  })

  t.test(`a person narrows what is asked; what is needed stays, ${how}`, async t => {
    const { begin, page, press, scopeOf } = await open(t)
    const { codeVerifier } = await begin(page, { scope: 'mcp:tools notes:read notes:write notes:admin' })
    t.equal(await page.getByRole('checkbox', { name: /See who you are/ }).isDisabled(), true)
    t.equal(await page.getByRole('checkbox', { name: /Delete notes/ }).isChecked(), false, 'never ticked beforehand')
    await page.getByRole('checkbox', { name: /Add notes/ }).uncheck()
    t.equal(await scopeOf(await press(page, 'Allow'), codeVerifier), 'mcp:tools notes:read')
  })

  t.test(`a person with several organizations picks one, and access is for that one, ${how}`, async t => {
    const { begin, page, press, scopeOf, teams, server } = await open(t)
    teams.set('alice', [
      { id: 'acme', name: 'Acme' },
      { id: 'globex', name: 'Globex' }
    ])
    const { codeVerifier } = await begin(page)
    const asked = page.url()
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    t.equal(page.url(), asked, 'the browser asks for the pick')
    await page.getByRole('radio', { name: 'Globex' }).check()
    await scopeOf(await press(page, 'Allow'), codeVerifier)
    t.match((await server.grants.list('sub-alice')).grants, [{ organization: 'globex' }])
  })

  t.test(`a person who is somebody else here switches, and decides as the right one, ${how}`, async t => {
    const { begin, page, press, scopeOf, signIn, server } = await open(t)
    const { codeVerifier } = await begin(page, { as: 'bob' })
    t.match(await page.locator('.facts').textContent(), /bob@acme\.example/)
    await page.getByRole('link', { name: /not you/ }).click()
    await signIn(page, 'alice')
    t.match(await page.locator('.facts').textContent(), /alice@acme\.example/)
    await scopeOf(await press(page, 'Allow'), codeVerifier)
    t.equal((await server.grants.list('sub-alice')).grants.length, 1)
    t.equal((await server.grants.list('sub-bob')).grants.length, 0)
  })

  t.test(`a step-up shows what is new, and the client keeps what it had, ${how}`, async t => {
    const { begin, page, press, scopeOf } = await open(t)
    const first = await begin(page, { scope: 'mcp:tools notes:read' })
    await scopeOf(await press(page, 'Allow'), first.codeVerifier)
    const second = await begin(page, { scope: 'notes:admin' })
    t.match(await page.getByRole('heading', { level: 1 }).textContent(), /asks for one more permission/)
    t.equal(await page.getByRole('checkbox', { name: /Read your notes/ }).isVisible(), false, 'folded away')
    await page.getByText('Already allowed').click()
    t.equal(await page.getByRole('checkbox', { name: /Read your notes/ }).isVisible(), true)
    const scope = await scopeOf(await press(page, 'Allow'), second.codeVerifier)
    t.strictSame(scope.split(' ').toSorted(), ['mcp:tools', 'notes:admin', 'notes:read'])
  })
}
