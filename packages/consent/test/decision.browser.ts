import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { launchBrowser } from '../../../.ci/browser.ts'
import { buildApp, consentRequest, fakeServer, unverified } from './fake-server.ts'

const fake = fakeServer()
const posts: { fields: URLSearchParams; origin: string | undefined }[] = []
let answer = ''
let app: FastifyInstance
let client: Server
let browser: Browser
let origin = ''
let loopback = ''

t.before(async () => {
  app = await buildApp({ fake, before: addDecision })
  origin = await app.listen({ host: '127.0.0.1', port: 0 })
  client = createServer((request, response) => {
    // A program that hands over to a page somewhere else, as desktop clients do.
    const hop = request.url === '/callback?hop' ? { location: loopback.replace('127.0.0.1', 'localhost') } : {}
    response.writeHead('location' in hop ? 302 : 200, { ...hop, 'content-type': 'text/html' })
    response.end('<title>arrived</title>')
  })
  await new Promise<void>(resolve => client.listen(0, '127.0.0.1', resolve))
  loopback = `http://127.0.0.1:${(client.address() as AddressInfo).port}`
  browser = await launchBrowser()
})
t.teardown(async () => {
  await browser?.close()
  await app?.close()
  client?.close()
})
t.beforeEach(() => {
  posts.length = 0
  answer = `${loopback}/callback`
  fake.details = consentRequest(unverified)
})

/** What the authorization server does with the form, as far as a browser can tell. */
async function addDecision(app: FastifyInstance): Promise<void> {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: unknown) => body
  )
  app.post('/oauth/interaction/:handle', async (request, reply) => {
    posts.push({ fields: new URLSearchParams(String(request.body)), origin: request.headers.origin })
    return reply.redirect(answer, 303)
  })
}

async function open(options: { javaScriptEnabled?: boolean } = {}): Promise<Page> {
  const page = await browser.newPage(options)
  await page.goto(`${origin}/oauth/interaction/handle-1`)
  return page
}

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click()

for (const javaScriptEnabled of [true, false]) {
  t.test(`a person narrows and allows, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async t => {
    const page = await open({ javaScriptEnabled })
    await page.getByRole('checkbox', { name: /Read your notes/ }).uncheck()
    await page.getByRole('checkbox', { name: /Delete notes/ }).check()
    t.equal(await page.getByRole('checkbox', { name: /See who you are/ }).isDisabled(), true)
    await press(page, 'Allow')
    await page.waitForURL(`${loopback}/callback`)
    const [post] = posts
    t.strictSame(Object.fromEntries(post?.fields ?? []), {
      account: 'proof-1',
      scope: 'notes:admin',
      decision: 'allow'
    })
    t.equal(post?.origin, origin, 'the form says where it comes from, for servers that check')
    t.equal(posts.length, 1)
    await page.close()
  })
}

t.test('a person says no', async t => {
  const page = await open()
  await press(page, 'Deny')
  await page.waitForURL(`${loopback}/callback`)
  t.equal(posts[0]?.fields.get('decision'), 'deny')
  await page.close()
})

for (const javaScriptEnabled of [true, false])
  t.test(
    `nobody allows before picking an organization, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`,
    async t => {
      const organizations = ['acme', 'globex'].map(id => ({ id, name: id.toUpperCase() }))
      fake.details = consentRequest({ ...unverified, organizations })
      const page = await open({ javaScriptEnabled })
      const before = page.url()
      await press(page, 'Allow')
      t.equal(page.url(), before)
      t.equal(posts.length, 0, 'the browser asks for the pick')
      await page.getByRole('radio', { name: 'GLOBEX' }).check()
      await press(page, 'Allow')
      await page.waitForURL(`${loopback}/callback`)
      t.equal(posts[0]?.fields.get('organization'), 'globex')
      await page.goto(before)
      await press(page, 'Deny')
      await page.waitForURL(`${loopback}/callback`)
      t.equal(posts[1]?.fields.get('decision'), 'deny', 'a no needs no pick')
      await page.close()
    }
  )

t.test('Enter does nothing until a button is focused', async t => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await open({ javaScriptEnabled })
    const before = page.url()
    for (const name of [/Read your notes/, /Delete notes/]) await page.getByRole('checkbox', { name }).press('Enter')
    await page.locator('body').press('Enter')
    // A form that was sent would have been answered before this second page is.
    await page.reload()
    t.equal(page.url(), before)
    t.equal(posts.length, 0)
    await page.close()
  }
})

t.test('the keyboard alone is enough, and nothing is focused beforehand', async t => {
  const page = await open()
  const focused = (): Promise<string> =>
    page.evaluate<string>('document.activeElement.value || document.activeElement.localName')
  const order = [await focused()]
  for (let stop = 0; stop < 6; stop++) {
    await page.keyboard.press('Tab')
    order.push(await focused())
  }
  t.strictSame(order, ['body', 'a', 'notes:read', 'notes:admin', 'summary', 'deny', 'allow'])
  await page.keyboard.press('Enter')
  await page.waitForURL(`${loopback}/callback`)
  t.equal(posts[0]?.fields.get('decision'), 'allow')
  await page.close()
})

t.test('the answer may lead on to a place that only the client knows', async t => {
  answer = `${loopback}/callback?hop`
  const page = await open()
  await press(page, 'Allow')
  await page.waitForURL(`${loopback.replace('127.0.0.1', 'localhost')}/`)
  t.equal(await page.title(), 'arrived')
  await page.close()
})

t.test('the policy lets the answer out to https and to an app, and not to another app', async t => {
  const tries = [
    { uri: 'https://client.invalid/callback', kind: 'https', formAction: 'https://client.invalid', leaves: true },
    { uri: 'http://client.invalid/callback', kind: 'https', formAction: 'https://client.invalid', leaves: false },
    { uri: 'cursor://client/callback', kind: 'private-use', formAction: 'cursor:', leaves: true },
    { uri: 'cursor://client/callback', kind: 'private-use', formAction: 'other:', leaves: false }
  ] as const
  for (const { uri, kind, formAction, leaves } of tries) {
    fake.details = consentRequest({ redirect: { uri, kind, host: 'client', formAction } })
    answer = uri
    const page = await open()
    const refusal = page
      .waitForEvent('console', message => message.text().includes('form-action'))
      .then(() => 'refused')
    const attempt = page.waitForEvent('requestfailed', request => request.url() === uri).then(() => 'left')
    refusal.catch(() => null)
    attempt.catch(() => null)
    await press(page, 'Allow')
    t.equal(await Promise.race([refusal, attempt]), leaves ? 'left' : 'refused', `${uri} under ${formAction}`)
    await page.close()
  }
})

t.test('a page that opens under a double click does not take the second click for an answer', async t => {
  const page = await open()
  const under = (): Promise<boolean> =>
    page.evaluate<boolean>(`(() => {
      const button = document.querySelector('.allow')
      const { x, y, width, height } = button.getBoundingClientRect()
      return document.elementFromPoint(x + width / 2, y + height / 2) === button
    })()`)
  const animations = (step: string): Promise<void> =>
    page.evaluate<void>(`for (const animation of document.getAnimations()) { ${step} }`)
  const setAnimation = (value: string): string =>
    `for (const element of document.querySelectorAll('.mcp-auth *')) element.style.animation = '${value}'; document.body.offsetWidth;`
  await page.setViewportSize({ width: 1280, height: 1600 })
  // From the beginning: on a busy machine it is over before anybody can look.
  await page.evaluate<void>(`${setAnimation('none')} ${setAnimation('')}
    for (const animation of document.getAnimations()) { animation.currentTime = 0; animation.pause() }`)
  t.equal(await under(), false, 'just opened')
  await animations('animation.finish()')
  t.equal(await under(), true, 'half a second later')
  await page.close()
})
