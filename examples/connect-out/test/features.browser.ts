/** What the product makes of connections: features that wait for one, a first visit, and a tool that tells how far it is. */
import { setTimeout as later } from 'node:timers/promises'
import t from 'tap'
import { buildWeather, KEYS } from '../keyed-servers.ts'
import { assertAccessible, OWNER, signInAndDecide, visit } from './visit.ts'

for (const javaScriptEnabled of [true, false]) {
  const how = `JavaScript ${javaScriptEnabled ? 'on' : 'off'}`

  t.test(`item 70: progress of a tool is seen while it happens; ${how}`, async t => {
    const looks: (() => void)[] = []
    const weather = buildWeather(() => new Promise<void>(done => void looks.push(done)))
    const { page, origin, desk, complaints } = await visit(t, 'alice', { javaScriptEnabled }, { weather })
    await desk.mcpConnections.setCredential(OWNER, 'weather', { secret: KEYS.weatherOfAlice })
    await page.goto(`${origin}/tour`, { waitUntil: 'commit' })
    // A page that still grows is not loaded.
    if (!javaScriptEnabled) await page.getByRole('link', { name: 'Show it' }).click({ noWaitAfter: true })
    const lines = page.locator('ol li')
    for (const [at, place] of ['Oxford', 'London', 'Paris'].entries()) {
      await until(() => looks.length > at)
      t.equal(await lines.count(), at, `nothing of ${place} before it was looked at`)
      looks[at]?.()
      await lines.nth(at).waitFor()
      t.match(await lines.nth(at).textContent(), `Sunny in ${place}.`)
    }
    await lines.nth(3).waitFor()
    t.equal(await lines.nth(3).textContent(), 'Take no umbrella, Alice.')
    // Axe is a script.
    if (javaScriptEnabled) await assertAccessible(t, page, 'tour')
    t.strictSame(complaints, [])
  })

  t.test(`item 72: a feature is offered by the state of what it needs; ${how}`, async t => {
    const { page, origin, desk } = await visit(t, 'alice', { javaScriptEnabled })
    await page.getByRole('link', { name: 'connect Weather for it' }).click()
    await page.getByLabel('Key').fill(KEYS.weatherOfBob)
    await page.getByRole('button', { name: 'Save the key' }).click()
    await page.waitForURL(`${origin}/tour`)
    await desk.mcpConnections.setCredential(OWNER, 'weather', { secret: 'of-nobody' })
    await t.rejects(desk.mcpConnections.syncTools(OWNER, 'weather'), { code: 'MCP_CREDENTIAL_REJECTED' })
    await page.goto(origin)
    t.equal(await page.getByRole('link', { name: 'Weather on the way' }).count(), 0, 'not any more')
    await page.goto(`${origin}/tour`)
    t.equal(new URL(page.url()).pathname, '/connections/connect/weather', 'the route checks again')
    t.match(new URL(page.url()).searchParams.get('returnTo'), '/tour')
  })

  t.test(`item 73: a first visit connects one server after the other, and each can wait; ${how}`, async t => {
    const { page, origin, desk } = await visit(t, 'alice', { javaScriptEnabled })
    await page.getByRole('link', { name: 'Set everything up' }).click()
    if (javaScriptEnabled) await assertAccessible(t, page, 'welcome')
    await page.getByRole('link', { name: 'Connect Acme Notes' }).click()
    await page.getByRole('button', { name: 'Connect' }).click()
    await signInAndDecide(page, 'Allow')
    await page.waitForURL(`${origin}/welcome`)
    t.match(await page.textContent('main'), '1 of 3 connected')
    await page.getByRole('link', { name: 'Not now' }).click()
    await page.getByRole('link', { name: 'Connect Office search' }).click()
    await page.getByLabel('Key').fill(KEYS.search)
    await page.getByRole('button', { name: 'Save the key' }).click()
    await page.waitForURL(`${origin}/`)
    const states = await desk.mcpConnections.catalog(OWNER)
    t.strictSame(Object.fromEntries(states.map(({ server, status }) => [server, status])), {
      notes: 'active',
      weather: 'not_connected',
      search: 'active'
    })
  })
}

t.test('item 70: when the person leaves, the call ends over there', async t => {
  let looks = 0
  let isLeft: () => void
  const left = new Promise<void>(done => (isLeft = done))
  const weather = buildWeather(() => {
    looks++
    return new Promise(() => undefined)
  })
  // A response that ends before it is whole: somebody hung up.
  weather.addHook('onRequest', async (_request, { raw }) => {
    raw.once('close', () => raw.writableFinished || isLeft())
  })
  const { page, origin, desk } = await visit(t, 'alice', {}, { weather })
  await desk.mcpConnections.setCredential(OWNER, 'weather', { secret: KEYS.weatherOfAlice })
  await page.goto(`${origin}/tour`)
  await until(() => looks > 0)
  await page.goto(origin)
  await left
  t.equal(looks, 1)
})

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await later(10)
}
