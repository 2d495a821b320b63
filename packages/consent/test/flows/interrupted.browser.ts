/** What people do instead of reading and pressing once: in a real browser against the real server, with JavaScript and without. */
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

  t.test(`two requests in two tabs do not disturb each other, ${how}`, async t => {
    const { begin, context, page: first, press, scopeOf, server } = await open(t)
    const second = await context.newPage()
    const one = await begin(first)
    const two = await begin(second)
    const answerToTwo = await press(second, 'Allow')
    const answerToOne = await press(first, 'Allow')
    t.equal(answerToOne.get('state'), one.state)
    t.equal(answerToTwo.get('state'), two.state)
    await scopeOf(answerToOne, one.codeVerifier)
    await scopeOf(answerToTwo, two.codeVerifier)
    t.equal((await server.grants.list('sub-alice')).grants.length, 2)
  })

  t.test(`the same request in two tabs is answered once, and the second tab says so, ${how}`, async t => {
    const { begin, context, page, press, scopeOf, server } = await open(t)
    const { codeVerifier } = await begin(page)
    const copy = await context.newPage()
    await copy.goto(page.url())
    await scopeOf(await press(page, 'Allow'), codeVerifier)
    await copy.getByRole('button', { name: 'Deny', exact: true }).click()
    await copy.getByRole('heading', { name: 'You have already answered' }).waitFor()
    t.equal(callbacks.answers.length, 1)
    t.equal((await server.grants.list('sub-alice')).grants.length, 1, 'and the first answer stands')
  })

  t.test(`the back button leads to a page that says it is over, ${how}`, async t => {
    const { begin, page, press, scopeOf } = await open(t)
    const { codeVerifier } = await begin(page)
    const answer = await press(page, 'Allow')
    await page.goBack()
    await page.getByRole('heading', { name: 'You have already answered' }).waitFor()
    t.equal(await page.getByRole('button').count(), 0)
    t.equal(callbacks.answers.length, 1)
    t.ok(await scopeOf(answer, codeVerifier), 'and the client has its code')
  })

  t.test(`the page can be loaded again as often as one likes, ${how}`, async t => {
    const { begin, page, press, scopeOf } = await open(t)
    const { codeVerifier } = await begin(page)
    await page.getByRole('checkbox', { name: /Add notes/ }).uncheck()
    for (let round = 0; round < 3; round++) await page.reload()
    t.ok(await scopeOf(await press(page, 'Allow'), codeVerifier))
  })

  t.test(`a request that waited too long cannot be answered, and the page says what to do, ${how}`, async t => {
    const { begin, clock, page, server, log } = await open(t)
    await begin(page)
    clock.advance(3600)
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByRole('heading', { name: 'This request has expired' }).waitFor()
    t.match(await page.locator('main').textContent(), /Go back to “Assistant” and connect again/)
    const reference = await page.locator('code').textContent()
    t.match(
      log.find(({ reqId, reason }) => reqId === reference && reason === 'interaction_expired'),
      Object,
      'the reference is in the log'
    )
    t.strictSame((await server.grants.list('sub-alice')).grants, [])
    t.equal(callbacks.answers.length, 0)
    await page.reload()
    await page.getByRole('heading', { name: 'This request has expired' }).waitFor()
  })

  t.test(`when somebody else signed in meanwhile, the answer counts for nobody, ${how}`, async t => {
    const { begin, context, page, signIn, origin, server } = await open(t)
    await begin(page)
    const other = await context.newPage()
    await other.goto(`${origin}/login?returnTo=/logout-not`)
    await signIn(other, 'bob')
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByRole('heading', { name: 'You are signed in with another account now' }).waitFor()
    for (const subject of ['sub-alice', 'sub-bob'])
      t.strictSame((await server.grants.list(subject)).grants, [], subject)
    t.equal(callbacks.answers.length, 0)
  })

  t.test(`who signed out meanwhile signs in again, and then decides, ${how}`, async t => {
    const { begin, context, page, press, signIn, scopeOf, origin, server } = await open(t)
    const { codeVerifier } = await begin(page)
    const other = await context.newPage()
    await other.goto(`${origin}/logout`)
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByLabel('Password').waitFor()
    t.equal(callbacks.answers.length, 0, 'a click of before counts for nothing')
    t.strictSame((await server.grants.list('sub-alice')).grants, [])
    await signIn(page, 'alice')
    await scopeOf(await press(page, 'Allow'), codeVerifier)
  })

  t.test(`a double click on Allow brings the person back with one code, ${how}`, async t => {
    const { begin, page, scopeOf, server } = await open(t)
    const { codeVerifier } = await begin(page)
    await page.getByRole('button', { name: 'Allow', exact: true }).dblclick()
    // By what is there at the end: the second click breaks off the navigation that the first has begun.
    await page.getByRole('heading', { name: 'Arrived.' }).waitFor()
    const answer = new URL(page.url()).searchParams
    t.equal(new Set(callbacks.answers.map(given => given.get('code'))).size, 1)
    await scopeOf(answer, codeVerifier)
    t.equal((await server.grants.list('sub-alice')).grants.length, 1)
  })
}
