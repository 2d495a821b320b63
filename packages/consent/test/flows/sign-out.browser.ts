/** A client wants a person to be signed out, in a real browser against the real server, with JavaScript and without. */
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../../.ci/browser.ts'
import { listenForAnswers } from './clients.ts'
import { type Visit, visit } from './visit.ts'

const callbacks = await listenForAnswers(t)
const browser = await launchBrowser(callbacks.browserFlags)
t.teardown(() => browser.close())

const BYE = 'https://client.example/bye'

function open(test: Test, javaScriptEnabled = true): Promise<Visit> {
  const clients = [
    {
      client_id: 'assistant',
      client_name: 'Assistant',
      redirect_uris: [callbacks.uris.https],
      post_logout_redirect_uris: [BYE]
    }
  ]
  return visit(
    test,
    { browser, callbacks },
    {
      kind: 'https',
      options: { clients, openid: {} },
      consent: { connectedApps: '/connected-apps', signedOut: '/signed-out' },
      context: { javaScriptEnabled }
    }
  )
}

async function signedIn(t: Test, javaScriptEnabled?: boolean): Promise<Visit> {
  const person = await open(t, javaScriptEnabled)
  await person.begin(person.page)
  await person.press(person.page, 'Deny')
  return person
}

const isSignedIn = async ({ context }: Visit): Promise<boolean> =>
  (await context.cookies()).some(({ name, value }) => name === 'session' && value !== '')

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  t.test(`RP-Initiated Logout 2: a person is asked, signs out, and goes on to the client, ${how}`, async t => {
    const person = await signedIn(t, javaScriptEnabled)
    const { page, origin, complaints } = person
    const query = new URLSearchParams({ client_id: 'assistant', post_logout_redirect_uri: BYE, state: 's 1' })
    await page.goto(`${origin}/oauth/end_session?${query}`)
    t.equal(await page.locator('h1').textContent(), 'Sign out of Acme Notes?')
    t.match(await page.locator('.facts').textContent(), /Assistant.*alice@acme\.example.*client\.example/s)
    t.equal(await isSignedIn(person), true)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('Arrived.').waitFor()
    t.equal(page.url(), `${BYE}?state=s+1`)
    t.equal(await isSignedIn(person), false)
    t.strictSame(complaints, [])
  })

  t.test(`without a place to go on to a sign-out ends on a page that says what it did not end, ${how}`, async t => {
    const person = await signedIn(t, javaScriptEnabled)
    const { page, origin } = person
    await page.goto(`${origin}/oauth/end_session`)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('keep their access').waitFor()
    t.equal(page.url(), `${origin}/signed-out`)
    t.equal(await page.locator('h1').textContent(), 'You are signed out')
    t.equal(await isSignedIn(person), false)
  })

  t.test(`who wants to stay stays, and the client is not told, ${how}`, async t => {
    const person = await signedIn(t, javaScriptEnabled)
    const { page, origin } = person
    const query = new URLSearchParams({ client_id: 'assistant', post_logout_redirect_uri: BYE })
    await page.goto(`${origin}/oauth/end_session?${query}`)
    await page.getByRole('button', { name: 'Stay signed in' }).click()
    await page.waitForURL(`${origin}/`)
    t.equal(await isSignedIn(person), true)
  })
}

t.test('the keyboard alone is enough to stay or to leave, and Stay comes first', async t => {
  const person = await signedIn(t)
  const { page, origin } = person
  await page.goto(`${origin}/oauth/end_session`)
  const focused = (): Promise<unknown> =>
    page.evaluate('document.activeElement.value || document.activeElement.localName')
  t.equal(await focused(), 'body', 'nothing is focused beforehand')
  const order: unknown[] = []
  while (order.at(-1) !== 'sign_out' && order.length < 8) {
    await page.keyboard.press('Tab')
    order.push(await focused())
  }
  t.strictSame(order.slice(-2), ['stay', 'sign_out'])
  await page.keyboard.press('Enter')
  await page.waitForURL(`${origin}/signed-out`)
  t.equal(await isSignedIn(person), false)
})

t.test('CSRF: neither a form of another site nor the question of another browser signs anybody out', async t => {
  const person = await signedIn(t)
  const { page, context, origin, signIn } = person
  await page.goto(`${origin}/oauth/end_session`)
  const asked = page.url()
  const fields = await page
    .locator('input[type=hidden]')
    .evaluateAll((inputs: { name: string; value: string }[]) => inputs.map(({ name, value }) => [name, value] as const))
  const inputs = fields.map(([name, value]) => `<input name="${name}" value="${value}">`)
  const trap = await context.newPage()
  await trap.goto(new URL(callbacks.uris.loopback).origin)
  await trap.setContent(`<form method="post" action="${origin}/oauth/end_session/confirm">${inputs.join('')}
    <button name="decision" value="sign_out">Win a prize</button></form>`)
  await trap.getByRole('button').click()
  await trap.getByText('This request began in another browser').waitFor()
  t.equal(await isSignedIn(person), true)

  const other = await browser.newContext()
  t.teardown(() => other.close())
  const mallory = await other.newPage()
  await mallory.goto(`${origin}/login?returnTo=/signed-out`)
  await signIn(mallory, 'mallory')
  await mallory.goto(asked)
  await mallory.getByText('This request began in another browser').waitFor()
})

t.test('open redirect: a sign-out leads to no address that the client did not register', async t => {
  const { app, clock } = await open(t)
  const cookie = `session=alice.${clock.now()}`
  for (const uri of [
    'https://evil.example/',
    '//evil.example',
    `${BYE}.evil.example`,
    `${BYE}/`,
    'javascript:alert(1)'
  ])
    for (const signedIn of [true, false]) {
      const query = new URLSearchParams({ client_id: 'assistant', post_logout_redirect_uri: uri })
      const url = `/oauth/end_session?${query}`
      const { statusCode, headers, body } = await app.inject({ url, headers: signedIn ? { cookie } : {} })
      t.equal(statusCode, 400, uri)
      t.equal(headers.location, undefined)
      t.match(body, 'The answer would go to an unknown place')
      t.notMatch(body, 'evil')
    }
})
