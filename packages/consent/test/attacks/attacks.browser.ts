/** What another site, another program and a hostile client can do to our pages in a real browser. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import Handlebars from 'handlebars'
import nunjucks from 'nunjucks'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser } from '../../../../.ci/browser.ts'
import type { ConsentOptions } from '../../src/index.ts'
import { listenForAnswers } from '../flows/clients.ts'
import { type Visit, visit } from '../flows/visit.ts'

const callbacks = await listenForAnswers(t)
const browser = await launchBrowser(callbacks.browserFlags)
t.teardown(() => browser.close())

/** A site of the attacker on another port: another origin, but to cookies the same site, which is the harder case. */
async function evilSite(t: Test, html: string): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

const open = (t: Test, more: Parameters<typeof visit>[2] = {}): Promise<Visit> =>
  visit(t, { browser, callbacks }, { consent: { connectedApps: '/connected-apps' }, ...more })

/** Connects once, so that there is something to lose, and leaves a question open. */
async function connected(t: Test, more: Parameters<typeof visit>[2] = {}): Promise<Visit> {
  const person = await open(t, more)
  const { codeVerifier } = await person.begin(person.page)
  await person.scopeOf(await person.press(person.page, 'Allow'), codeVerifier)
  callbacks.answers.length = 0
  await person.begin(person.page, { scope: 'notes:admin' })
  return person
}

const grantsOf = async ({ server }: Visit): Promise<number> => (await server.grants.list('sub-alice')).grants.length

t.test('framing: no page of ours is shown inside a page of another origin', async t => {
  const person = await connected(t, { options: { deviceAuthorization: {}, openid: {} } })
  const { origin, page, context } = person
  const pages = [
    page.url(),
    `${origin}/connected-apps`,
    `${origin}/oauth/device`,
    `${origin}/oauth/end_session`,
    `${origin}/oauth/authorize`,
    `${origin}/oauth/interaction/unknown`
  ]
  const frames = pages.map((url, index) => `<iframe id="f${index}" src="${url}"></iframe>`).join('')
  const evil = await evilSite(
    t,
    `<title>evil</title>${frames}<iframe id="control" src="${callbacks.uris.loopback}"></iframe>`
  )
  const trap = await context.newPage()
  await trap.goto(evil)
  await trap.frameLocator('#control').getByText('Arrived.').waitFor()
  for (const index of pages.keys())
    t.equal(
      await trap.frameLocator(`#f${index}`).getByRole('heading').count(),
      0,
      (pages[index] ?? '').replace(/\/[\w-]{43}/, '/...')
    )
})

t.test('CSRF: a page of another origin cannot decide or disconnect for the person, with all cookies sent', async t => {
  const person = await connected(t)
  const { origin, page, context } = person
  const proof = await page.locator('input[name=account]').getAttribute('value')
  const settings = await context.newPage()
  await settings.goto(`${origin}/connected-apps`)
  const grant = await settings.locator('button[name=revoke]').first().getAttribute('value')
  const account = await settings.locator('input[name=account]').getAttribute('value')
  const attempts: [string, Record<string, string>][] = [
    // Even an attacker who somehow learned the handle and the proofs.
    [page.url(), { decision: 'allow', account: proof ?? '', scope: 'notes:admin' }],
    [`${origin}/connected-apps`, { account: account ?? '', revoke: grant ?? '' }],
    [`${origin}/connected-apps`, { account: account ?? '', revoke: 'all' }]
  ]
  for (const [action, fields] of attempts) {
    const inputs = Object.entries(fields).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`
    )
    const evil = await evilSite(
      t,
      `<form method="post" action="${action}">${inputs.join('')}<button>Win a prize</button></form>`
    )
    const trap = await context.newPage()
    await trap.goto(evil)
    await trap.getByRole('button').click()
    await trap.getByText('Reference for support').waitFor()
    t.equal(new URL(trap.url()).origin, origin, 'the form arrived and was refused')
  }
  t.equal(await grantsOf(person), 1, 'still connected, once')
  t.equal(callbacks.answers.length, 0)
})

t.test('CSRF: a script of another origin can neither read the list of apps nor send JSON', async t => {
  const person = await connected(t)
  const { origin, context } = person
  const trap = await context.newPage()
  await trap.goto(await evilSite(t, '<title>evil</title>'))
  const outcomes = await trap.evaluate<string[]>(`Promise.all([
    fetch('${origin}/connected-apps', { credentials: 'include', headers: { accept: 'application/json' } }),
    fetch('${origin}/connected-apps', { credentials: 'include', mode: 'no-cors' }),
    fetch('${origin}/connected-apps', { credentials: 'include', method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"revoke":"all"}' }),
    fetch('${origin}/connected-apps', { credentials: 'include', method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: '{"revoke":"all"}' })
  ].map(answer => answer.then(async ({ status }) => 'status ' + status, () => 'refused'))).then(all => all)`)
  t.strictSame(outcomes, ['refused', 'status 0', 'refused', 'status 0'], 'nothing can be read')
  t.equal(await grantsOf(person), 1)
})

/** Breaks out of text, attributes and scripts, in each of the ways that templates get wrong. */
const PAYLOAD = `"'><img src=x onerror="window.hacked=1"></bdi></title><script>window.hacked=1</script>{{7*7}}<%=7*7%>\${7*7}`

async function assertHarmless(t: Test, page: Page, what: string): Promise<void> {
  const found = await page.evaluate<{ hacked: boolean; foreign: string[]; handlers: number }>(`({
    hacked: 'hacked' in window,
    foreign: [...document.querySelectorAll('script, img, iframe, object, embed, base, meta[http-equiv]')].map(one => one.outerHTML),
    handlers: [...document.querySelectorAll('*')].filter(one => [...one.attributes].some(({ name }) => name.startsWith('on'))).length
  })`)
  t.strictSame(found, { hacked: false, foreign: [], handlers: 0 }, what)
  t.notMatch(await page.locator('body').textContent(), /\b49\b/, `${what}: nothing is computed`)
}

t.test(
  'XSS: every name and text that a client, a person or a link chooses is text, with the policy switched off',
  async t => {
    // Without the policy, so that it is the escaping that is seen to hold.
    const person = await open(t, {
      context: { bypassCSP: true },
      options: { dynamicRegistration: {}, deviceAuthorization: {} },
      consent: { connectedApps: '/connected-apps', brand: { name: `Acme ${PAYLOAD}`.slice(0, 80) } }
    })
    const { client, page, origin, teams, signIn } = person
    teams.set('alice', [
      { id: 'acme', name: `Acme ${PAYLOAD}` },
      { id: `globex${PAYLOAD}`, name: PAYLOAD }
    ])
    const names = {
      client_name: `Evil ${PAYLOAD}`,
      'client_name#de': `Böse ${PAYLOAD}`,
      client_uri: `https://evil.example/?${PAYLOAD}`
    }
    await client.register({
      ...names,
      tos_uri: 'javascript:window.hacked=1',
      policy_uri: `data:text/html,${PAYLOAD}`,
      logo_uri: 'https://evil.example/x.svg'
    })
    const { url } = await client.start({
      scope: `mcp:tools notes:read ${PAYLOAD.replaceAll(/["\\\s]/g, '')}`,
      parameters: { state: PAYLOAD, login_hint: PAYLOAD, ui_locales: `de ${PAYLOAD}`, nonce: PAYLOAD }
    })
    await page.goto(url)
    await signIn(page, 'alice')
    await page.getByRole('button', { name: 'Allow', exact: true }).or(page.locator('button[value=allow]')).waitFor()
    t.match(await page.locator('main').textContent(), '<script>window.hacked=1</script>', 'it is there, as text')
    await assertHarmless(t, page, 'consent')

    await page.getByRole('radio').last().check()
    await page.locator('button[value=allow]').click()
    await page.waitForURL(`${person.redirectUri}?**`)
    const code = new URL(page.url()).searchParams.get('code')
    t.ok(code)
    t.equal(new URL(page.url()).searchParams.get('state'), PAYLOAD)
    const { grants } = await person.server.grants.list('sub-alice')
    t.equal(grants.length, 0, 'not redeemed yet')

    await page.goto(`${origin}/connected-apps?done=${encodeURIComponent(PAYLOAD)}&after=${encodeURIComponent(PAYLOAD)}`)
    await assertHarmless(t, page, 'connected apps, bent address')
    const bent = encodeURIComponent(PAYLOAD)
    for (const path of [
      `/oauth/device?user_code=${bent}&problem=${bent}&finished=${bent}`,
      `/oauth/interaction/${encodeURIComponent(PAYLOAD.slice(0, 45))}`,
      `/oauth/authorize?client_id=${encodeURIComponent(PAYLOAD)}&redirect_uri=${encodeURIComponent(PAYLOAD)}`
    ]) {
      await page.goto(`${origin}${path}`)
      await page.locator('h1').waitFor()
      await assertHarmless(t, page, path.split(/[?%]/)[0] ?? '')
    }
  }
)

t.test('XSS: names of connected apps and organizations are text, too', async t => {
  const person = await open(t, { context: { bypassCSP: true } })
  const { client, page, origin, teams, begin, press, scopeOf } = person
  teams.set('alice', [{ id: 'acme', name: `Acme ${PAYLOAD}` }])
  await client.register({ client_name: `Evil ${PAYLOAD}` })
  const { codeVerifier } = await begin(page)
  await scopeOf(await press(page, 'Allow'), codeVerifier)
  await page.goto(`${origin}/connected-apps`)
  t.match(await page.locator('main').textContent(), 'Evil "\'><img src=x onerror=')
  await assertHarmless(t, page, 'connected apps')
  await page
    .getByRole('button', { name: /^Disconnect/ })
    .first()
    .click()
  await page.getByRole('status').waitFor()
  t.equal(await grantsOf(person), 0, 'and the button does what it says')
})

t.test('click-through: a question that opens under the second click of a double click is not answered', async t => {
  const person = await open(t, { context: { viewport: { width: 1280, height: 1600 } } })
  const { page, begin } = person
  await begin(page)
  const box = await page.getByRole('button', { name: 'Allow', exact: true }).boundingBox()
  const asked = page.url()
  // The person is elsewhere and double-clicks where Allow will be; the first click brings the question.
  await page.goto(await evilSite(t, `<a href="${asked}" style="position:fixed;inset:0">a game</a>`))
  const at = { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 }
  // On a busy machine the moment in which the page takes no click is over before the second one comes; so it passes a hundred times slower.
  const animations = await person.context.newCDPSession(page)
  await animations.send('Animation.enable')
  await animations.send('Animation.setPlaybackRate', { playbackRate: 0.01 })
  await page.mouse.click(at.x, at.y)
  await page.waitForURL(asked, { waitUntil: 'commit' })
  await page.mouse.click(at.x, at.y)
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor()
  t.equal(page.url(), asked)
  t.equal(callbacks.answers.length, 0)
  t.equal(await grantsOf(person), 0)
})

const templates = fileURLToPath(new URL('../engines', import.meta.url))
const ENGINES: Record<string, ConsentOptions> = {
  Handlebars: { templates, engine: { handlebars: Handlebars }, extension: 'hbs' },
  Nunjucks: { templates, engine: { nunjucks }, extension: 'njk' }
}

for (const [engine, consent] of Object.entries(ENGINES))
  t.test(`XSS: the same names are text in a page that ${engine} draws`, async t => {
    const person = await open(t, { context: { bypassCSP: true }, options: { dynamicRegistration: {} }, consent })
    const { client, page, teams, begin } = person
    teams.set('alice', [
      { id: 'acme', name: `Acme ${PAYLOAD}` },
      { id: `globex${PAYLOAD}`, name: PAYLOAD }
    ])
    await client.register({ client_name: `Evil ${PAYLOAD}` })
    await begin(page)
    await page.locator('button[value=allow]').waitFor()
    t.match((await page.content()).toLowerCase(), `drawn by ${engine.toLowerCase()}`)
    t.match(await page.locator('body').textContent(), '<script>window.hacked=1</script>', 'it is there, as text')
    await assertHarmless(t, page, engine)
    await page.getByRole('radio').last().check()
    await page.locator('button[value=allow]').click()
    await page.waitForURL(`${person.redirectUri}?**`)
    t.ok(new URL(page.url()).searchParams.get('code'), 'and it decides')
  })
