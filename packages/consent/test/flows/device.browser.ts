/** A person connects a device in a real browser against the real server, with JavaScript and without. */
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../../.ci/browser.ts'
import { listenForAnswers } from './clients.ts'
import { type Visit, visit } from './visit.ts'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code'
const TV = {
  client_id: 'tv',
  client_name: 'Living room TV',
  client_uri: 'https://tv.example',
  grant_types: [GRANT_TYPE, 'refresh_token']
}

interface Started {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
}

interface Device extends Started {
  /** What a poll is answered: `allowed`, or the error. */
  poll(): Promise<string>
}

const callbacks = await listenForAnswers(t)
const browser = await launchBrowser(callbacks.browserFlags)
t.teardown(() => browser.close())

async function startDevice({ app, clock, resource }: Visit): Promise<Device> {
  const post = (url: string, form: Record<string, string>) =>
    app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ client_id: 'tv', ...form }).toString()
    })
  const started = (
    await post('/oauth/device_authorization', { scope: 'mcp:tools notes:read notes:admin', resource })
  ).json<Started>()
  return {
    ...started,
    poll: async () => {
      clock.advance(5)
      const answer = await post('/oauth/token', { grant_type: GRANT_TYPE, device_code: started.device_code })
      return answer.statusCode === 200 ? 'allowed' : answer.json<{ error: string }>().error
    }
  }
}

const headingOf = (page: Page): Promise<string | null> => page.locator('h1').textContent()

async function enter(page: Page, code: string): Promise<void> {
  await page.getByLabel('Code').fill(code)
  await page.getByRole('button', { name: 'Continue' }).click()
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  const open = (test: Test): Promise<Visit> =>
    visit(
      test,
      { browser, callbacks },
      {
        options: { clients: [TV], deviceAuthorization: {} },
        consent: { connectedApps: '/connected-apps' },
        context: { javaScriptEnabled }
      }
    )

  t.test(`RFC 8628 3.3: a person types the code, decides as always, and the device goes on, ${how}`, async t => {
    const person = await open(t)
    const { page, signIn, server, complaints } = person
    const device = await startDevice(person)
    await page.goto(device.verification_uri)
    await signIn(page, 'alice')
    t.equal(await headingOf(page), 'Connect a device')
    await enter(page, 'bcdf-ghjk')
    await page.getByText('This code is not right.').waitFor()
    t.equal(await page.getByLabel('Code').inputValue(), '', 'and is not in the page or its address')
    t.notMatch(page.url(), /bcdf/i)
    await enter(page, ` ${device.user_code.toLowerCase().replace('-', '')} `)
    t.match(await headingOf(page), /Living room TV wants to use Acme Notes for you/)
    t.match(await page.locator('.facts').textContent(), `the device that shows the code ${device.user_code}`)
    t.match(
      await page.getByRole('note').textContent(),
      `Only continue if a device of your own shows ${device.user_code}.`
    )
    t.equal(await page.getByRole('checkbox', { name: /Delete notes/ }).isChecked(), false)
    t.equal(await device.poll(), 'authorization_pending')
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByText('Go back to your device').waitFor()
    t.equal(await headingOf(page), 'Living room TV is connected')
    t.equal(await device.poll(), 'allowed')
    await page.getByRole('link', { name: 'Manage connected apps' }).click()
    await page.getByRole('button', { name: 'Disconnect Living room TV' }).click()
    await page.getByRole('status').waitFor()
    t.strictSame((await server.grants.list('sub-alice')).grants, [])
    t.strictSame(complaints, [])
  })

  t.test(`RFC 8628 5.4: a link with the code asks to compare it, and allows nothing by itself, ${how}`, async t => {
    const person = await open(t)
    const { page, signIn, complaints } = person
    const device = await startDevice(person)
    await page.goto(device.verification_uri_complete)
    await signIn(page, 'bob')
    t.equal(await headingOf(page), 'Does your device show this code?', 'the code was kept through the login')
    t.equal(await page.locator('.device-code').textContent(), device.user_code)
    t.match(await page.getByRole('note').textContent(), 'Anybody can send a link like this one.')
    await page.waitForLoadState('networkidle')
    t.equal(await device.poll(), 'authorization_pending')
    await page.getByRole('link', { name: 'No, enter another' }).click()
    t.equal(await headingOf(page), 'Connect a device')
    await page.goto(device.verification_uri_complete)
    await page.getByRole('link', { name: /not you/ }).click()
    await signIn(page, 'alice')
    t.match(await page.locator('.account').textContent(), /alice@acme/)
    await page.getByRole('button', { name: 'Yes, it does' }).click()
    t.match(await headingOf(page), /Living room TV wants to use/)
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByText('Nothing was shared.').waitFor()
    t.equal(await headingOf(page), 'You said no')
    t.equal(await device.poll(), 'access_denied')
    t.strictSame(complaints, [])
  })

  t.test(`RFC 8628 3.5: a code that is too old, or was answered, says so, ${how}`, async t => {
    const person = await open(t)
    const { page, signIn, clock } = person
    const [answered, old] = [await startDevice(person), await startDevice(person)]
    await page.goto(answered.verification_uri)
    await signIn(page, 'alice')
    await enter(page, answered.user_code)
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByText('Nothing was shared.').waitFor()
    await page.goto(answered.verification_uri)
    await enter(page, answered.user_code)
    await page.getByText('This code does not work any more').waitFor()
    clock.advance(600)
    await enter(page, old.user_code)
    await page.getByText('This code has expired.').waitFor()
    t.equal(await old.poll(), 'expired_token')
  })
}

t.test('CSRF: another site, or another browser, cannot enter a code for a person', async t => {
  const person = await visit(
    t,
    { browser, callbacks },
    { options: { clients: [TV], deviceAuthorization: {} }, consent: { connectedApps: '/connected-apps' } }
  )
  const { page, context, signIn, origin, app } = person
  const device = await startDevice(person)
  await page.goto(device.verification_uri)
  await signIn(page, 'alice')
  const proof = await page.locator('input[name=proof]').getAttribute('value')
  const evil = new URL(callbacks.uris.loopback).origin
  const trap = await context.newPage()
  await trap.goto(evil)
  await trap.setContent(`<form method="post" action="${origin}/oauth/device"><input name="user_code" value="${device.user_code}">
    <input name="proof" value="${proof}"><button>Win a prize</button></form>`)
  await trap.getByRole('button').click()
  await trap.getByText('This request began in another browser').waitFor()
  t.equal(await device.poll(), 'authorization_pending')

  // The attacker is signed in as well, in a browser of their own, and knows the proof of the victim.
  const other = await browser.newContext()
  t.teardown(() => other.close())
  const attacker = await other.newPage()
  await attacker.goto(device.verification_uri)
  await signIn(attacker, 'mallory')
  await attacker.locator('input[name=proof]').evaluate((input: { value: string }, value) => {
    input.value = value
  }, proof ?? '')
  await enter(attacker, device.user_code)
  await attacker.getByText('This request began in another browser').waitFor()

  // And a form without any cookie, as a program sends it.
  const bare = await app.inject({
    method: 'POST',
    url: '/oauth/device',
    headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: 'session=alice.1800000000' },
    payload: `user_code=${device.user_code}&proof=${proof}`
  })
  t.equal(bare.statusCode, 403)
})

t.test('the keyboard alone is enough to enter a code and to compare one', async t => {
  const person = await visit(t, { browser, callbacks }, { options: { clients: [TV], deviceAuthorization: {} } })
  const { page, signIn } = person
  const typed = await startDevice(person)
  await page.goto(typed.verification_uri)
  await signIn(page, 'alice')
  await reach(page, 'input:user_code')
  await page.keyboard.type(typed.user_code)
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/interaction\//)
  const sent = await startDevice(person)
  await page.goto(sent.verification_uri_complete)
  t.equal(await page.evaluate('document.activeElement.localName'), 'body', 'nothing is focused beforehand')
  await reach(page, 'button:')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/interaction\//)
  t.equal(await typed.poll(), 'authorization_pending', 'a code alone allows nothing')
})

/** Goes on by Tab to the element of that tag and name. */
async function reach(page: Page, wanted: string): Promise<void> {
  for (let stop = 0; stop < 12; stop++) {
    if ((await page.evaluate("[document.activeElement.localName, document.activeElement.name].join(':')")) === wanted)
      return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${wanted} cannot be reached by Tab`)
}
