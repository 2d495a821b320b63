/** One refresh at a time, and none that nobody gets to, whatever the clocks of the processes say. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { settableClock } from '@fastify-mcp-auth/testing'
import { fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { openConnections } from '../src/connections.ts'
import { COLLECTIONS, type ConnectionsOptions } from '../src/index.ts'
import { type Span, Watch } from '../src/lease.ts'
import { onlooker, stoppable } from './onlooker.ts'
import { alice, BINDING, createWorld, type World } from './world.ts'

const MINUTE = 60
const HOUR = 3600
/** Seconds: longer than the clocks are apart, or each of them would take a token of the other for one that is over. */
const LIFETIME = 6 * HOUR

const refreshes = ({ issuer }: World): number =>
  issuer.requests.filter(({ endpoint, body }) => endpoint === 'token' && body.includes('grant_type=refresh_token'))
    .length

/** What was done before: the end that the holder wrote down is compared with a clock of another process. */
class ByTheClock extends Watch {
  readonly #now: () => number

  constructor(now: () => number) {
    super({ now }, () => 0)
    this.#now = now
  }

  override hasPassed(_key: string, { until }: Span): boolean {
    return until <= this.#now()
  }
}

/** Two processes on one storage: the first is going to stop in the middle of a refresh, the second looks on. */
async function twoProcesses(
  t: Test,
  {
    ahead,
    byTheClock = false,
    reuseGrace = 0
  }: {
    /** Seconds by which the clock of the second is ahead of that of the first. */
    readonly ahead: number
    readonly byTheClock?: boolean
    readonly reuseGrace?: number
  }
) {
  const inner = memoryStorage()
  const world = await createWorld(t, {
    app: { storage: inner },
    issuer: { behaviour: { reuseGrace, accessTokenLifetime: LIFETIME } }
  })
  await world.connect()
  const clocks = [-ahead / 2, ahead / 2].map(skew => settableClock(world.clock.now() + skew))
  const [early, late] = clocks as [(typeof clocks)[0], (typeof clocks)[0]]
  const pass = (seconds: number): void => {
    for (const clock of [world.clock, ...clocks]) clock.advance(seconds)
  }
  // However long the test takes.
  const elapsed = (): number => world.clock.now()
  const { storage, hasAsked, goOn } = stoppable(inner)
  // Nothing is left waiting behind a test.
  t.teardown(goOn)
  const view = onlooker(inner)
  const open = async (options: Partial<ConnectionsOptions>, clock: typeof early) => {
    const watch = byTheClock ? { watch: new ByTheClock(() => clock.now()) } : {}
    const app = await openConnections({ ...world.options, ...options, clock }, { elapsed, ...watch })
    t.teardown(() => app.close())
    return app
  }
  const first = await open({ storage }, early)
  const second = await open({ storage: view.storage }, late)
  // The token is over for both of them.
  pass(LIFETIME + Math.abs(ahead) + MINUTE)
  const use = (app: typeof first) => app.withClient(alice, 'notes', client => client.listTools())
  return { world, inner, first, second, pass, use, hasAsked, goOn, looks: view.looks }
}

const isEnded = ({ issuer }: World): boolean =>
  [...issuer.records.grants.values()].some(({ endedBy }) => endedBy !== null)

for (const ahead of [10 * MINUTE, -10 * MINUTE, HOUR, -HOUR, 2 * HOUR, -2 * HOUR]) {
  const clocks = `a clock that is ${Math.abs(ahead) / MINUTE} minutes ${ahead > 0 ? 'ahead' : 'behind'}`

  t.test(`5.7 clock skew: ${clocks} does not send what another process is just sending`, async t => {
    const { world, first, second, pass, use, hasAsked, goOn, looks } = await twoProcesses(t, { ahead })
    const one = use(first)
    await hasAsked
    const other = use(second)
    await looks()
    pass(29)
    await looks()
    t.equal(refreshes(world), 1, 'the second waits, until the end of the lease')
    goOn()
    await Promise.all([one, other])
    t.equal(refreshes(world), 1, 'and uses what the first has got')
    t.notOk(isEnded(world))
  })

  t.test(`5.7 clock skew: ${clocks} takes over from a dead process as soon as from any other`, async t => {
    const { world, first, second, pass, use, hasAsked, looks } = await twoProcesses(t, { ahead, reuseGrace: 300 })
    use(first).catch(() => undefined)
    await hasAsked
    const other = use(second)
    await looks()
    pass(31)
    t.equal((await other).tools.length, 2)
    t.equal(refreshes(world), 2)
    t.notOk(isEnded(world))
  })
}

t.test('5.7 clock skew, negative control: judged by the clock, two send the same refresh token at once', async t => {
  const both = await twoProcesses(t, { ahead: 10 * MINUTE, byTheClock: true })
  const one = both.use(both.first).catch((error: unknown) => error)
  await both.hasAsked
  await t.rejects(both.use(both.second), { code: 'MCP_NEEDS_REAUTH' })
  t.equal(refreshes(both.world), 2)
  t.ok(isEnded(both.world), 'and the connection is lost')
  both.goOn()
  await one
})

t.test('5.7 clock skew, negative control: judged by the clock, nobody takes over from a dead process', async t => {
  const both = await twoProcesses(t, { ahead: -10 * MINUTE, byTheClock: true, reuseGrace: 300 })
  both.use(both.first).catch(() => undefined)
  await both.hasAsked
  const other = both.use(both.second)
  await both.looks()
  both.pass(60)
  await t.rejects(other, { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'busy' })
  t.equal(refreshes(both.world), 1)
})

/** A connection whose token is over, and that somebody has the lease of who died. */
async function abandoned(t: Test, lease: { readonly leaseUntil?: number; readonly intentAt?: number } = {}) {
  const inner = memoryStorage()
  const world = await createWorld(t, { app: { storage: inner } })
  const { connection } = await world.connect()
  const id = connection.id ?? ''
  world.clock.advance(2 * HOUR)
  const now = world.clock.now()
  const held = { leaseHolder: 'who died', leaseNumber: 7, leaseUntil: now + 30, intentAt: now, ...lease }
  t.ok(await inner.update(COLLECTIONS.connections, id, {}, held))
  const view = onlooker(inner)
  return { world, id, inner, now, looks: view.looks, app: await world.another({ storage: view.storage }) }
}

t.test('5.4 step 3: a lease is as long as its holder took it for, whatever our options say', async t => {
  const { world, app, looks, id, inner, now } = await abandoned(t)
  t.ok(await inner.update(COLLECTIONS.connections, id, {}, { leaseUntil: now + 120 }))
  const using = app.withClient(alice, 'notes', client => client.listTools()).catch((error: unknown) => error)
  await looks()
  world.clock.advance(50)
  t.match(await using, { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'busy', retryable: true })
  t.equal(refreshes(world), 0)
  world.clock.advance(71)
  t.equal((await app.withClient(alice, 'notes', client => client.listTools())).tools.length, 2)
})

t.test('5.4 step 3: a process too short-lived to watch a lease goes by its end when that is a day ago', async t => {
  const { world, app, looks } = await abandoned(t)
  world.clock.advance(86_400 + 30)
  const outcome = await Promise.race([app.refreshDue(), looks().then(() => 'it waits')])
  t.match(outcome, { refreshed: 1, failed: 0 })
})

t.test('5.4 step 3: a lease of our own that came to no end is over when it ends, seen or not', async t => {
  const { world, first, pass, hasAsked, goOn } = await twoProcesses(t, { ahead: 0, reuseGrace: 300 })
  const lost = first.refresh(alice, 'notes').catch((error: unknown) => error)
  await hasAsked
  pass(31)
  const using = first.withClient(alice, 'notes', client => client.listTools())
  while (refreshes(world) < 2) await new Promise(resolve => setTimeout(resolve, 5))
  goOn()
  await lost
  t.equal((await using).tools.length, 2)
  t.notOk(isEnded(world))
})

t.test('5.4 step 3: who takes the lease ends the pause, so that nobody waits for it after a dead process', async t => {
  const { world, first, second, pass, hasAsked, inner } = await twoProcesses(t, { ahead: 0 })
  world.issuer.fail('token', fault.unavailable())
  await t.rejects(second.refresh(alice, 'notes'), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' })
  const [connection] = await second.list(alice)
  const stored = () => inner.get(COLLECTIONS.connections, connection?.id ?? '')
  t.match(await stored(), { retryIn: 30 })
  pass(31)
  first.refresh(alice, 'notes').catch(() => undefined)
  await hasAsked
  t.match(await stored(), { leaseNumber: 2, retryAt: null, retryIn: null })
})

t.test('5.4 step 3: a lease whose end is hours ago by our clock is watched like any other', async t => {
  const { world, app, looks } = await abandoned(t)
  world.clock.advance(86_400 - MINUTE)
  const running = app.refreshDue()
  await looks()
  t.equal(refreshes(world), 0)
  world.clock.advance(31)
  t.match(await running, { refreshed: 1, failed: 0 })
})

t.test('item 20: one run of the background gets over a dead process, also while the token is good', async t => {
  const { world, app, looks, id, inner } = await abandoned(t)
  const accessExpiresAt = world.clock.now() + 2 * MINUTE
  t.ok(await inner.update(COLLECTIONS.connections, id, {}, { accessExpiresAt }))
  const running = app.refreshDue()
  await looks()
  t.equal(refreshes(world), 0)
  world.clock.advance(31)
  t.match(await running, { refreshed: 1, failed: 0 })
})

t.test('5.4 step 3: who closes waits for nobody', async t => {
  const { world, app, looks } = await abandoned(t)
  const using = app.withClient(alice, 'notes', client => client.listTools()).catch((error: unknown) => error)
  const running = app.refreshDue()
  await looks()
  await app.close()
  t.match(await using, { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'closed' })
  t.match(await running, { refreshed: 0, failed: 1 })
  t.equal(refreshes(world), 0)
})

t.test('5.4 step 3: a lease is renewed before a request that may outlast it', async t => {
  const storage = memoryStorage()
  const world = await createWorld(t, { app: { storage }, issuer: { behaviour: { reuseGrace: 300 } } })
  const { connection } = await world.connect()
  const numbers: unknown[] = []
  world.clock.advance(2 * HOUR)
  const note = async () =>
    numbers.push((await storage.get(COLLECTIONS.connections, connection.id ?? ''))?.['leaseNumber'])
  const noted: Promise<unknown>[] = []
  world.issuer.fail(
    'token',
    () => {
      noted.push(note())
      world.clock.advance(noted.length === 1 ? 16 : 0)
      return noted.length === 1 ? fault.lost() : null
    },
    { times: 2 }
  )
  t.equal(await world.whoami(), 'alice')
  await Promise.all(noted)
  t.strictSame(numbers, [1, 2])
})

t.test('5.4 step 3: who has lost the lease sends nothing more, and waits for whoever has it', async t => {
  const inner = memoryStorage()
  const world = await createWorld(t, { app: { storage: inner } })
  const { connection } = await world.connect()
  const id = connection.id ?? ''
  const view = onlooker(inner)
  const slow = await world.another({ storage: view.storage })
  world.clock.advance(2 * HOUR)
  const intentAt = world.clock.now()
  const taken = { leaseHolder: 'faster', leaseNumber: 2, intentAt, leaseUntil: intentAt + 30 }
  world.issuer.fail('token', () => {
    world.clock.advance(31)
    void inner.update(COLLECTIONS.connections, id, {}, taken)
    return fault.reset()
  })
  const looks = view.looks()
  const using = slow.withClient(alice, 'notes', client => client.listTools()).catch((error: unknown) => error)
  await looks
  t.equal(refreshes(world), 1)
  t.match(await inner.get(COLLECTIONS.connections, id), { leaseHolder: 'faster', leaseNumber: 2, failures: 0 })
  await slow.close()
  t.match(await using, { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'closed' })
})

t.test('5.4 step 3: who has slept sends nothing more, although no second was counted', async t => {
  const inner = memoryStorage()
  const world = await createWorld(t, { app: { storage: inner } })
  const { connection } = await world.connect()
  const id = connection.id ?? ''
  world.clock.advance(2 * HOUR)
  const intentAt = world.clock.now()
  const view = onlooker(inner)
  const sleeper = await openConnections({ ...world.options, storage: view.storage }, { elapsed: () => 0 })
  t.teardown(() => sleeper.close())
  const taken = { leaseHolder: 'faster', leaseNumber: 2, intentAt, leaseUntil: intentAt + 30 }
  world.issuer.fail('token', () => {
    world.clock.advance(HOUR)
    void inner.update(COLLECTIONS.connections, id, {}, taken)
    return fault.reset()
  })
  const looks = view.looks()
  const using = sleeper.refresh(alice, 'notes').catch((error: unknown) => error)
  await Promise.race([looks, using])
  t.equal(refreshes(world), 1)
  await sleeper.close()
  t.match(await using, { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', reason: 'closed' })
})

t.test('5.7 clock skew: a pause after a failure lasts no longer for a clock that is behind', async t => {
  const world = await createWorld(t)
  await world.connect()
  const clock = settableClock(world.clock.now() - HOUR)
  const behind = await world.another({ clock })
  world.clock.advance(3 * HOUR)
  clock.advance(3 * HOUR)
  world.issuer.fail('token', fault.unavailable(20))
  await t.rejects(world.whoami(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', retryAfter: 30 })
  const use = () => behind.withClient(alice, 'notes', client => client.listTools())
  await t.rejects(use(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', retryAfter: 30 })
  world.clock.advance(10)
  await t.rejects(use(), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' })
  t.equal(refreshes(world), 1)
  world.clock.advance(21)
  t.equal((await use()).tools.length, 2)
})

t.test(
  '5.7 clock skew: what a process writes whose clock is two hours behind is not forgotten by the background',
  async t => {
    const world = await createWorld(t, { issuer: { behaviour: { accessTokenLifetime: 10 * MINUTE } } })
    const clocks = [HOUR, -HOUR].map(skew => settableClock(world.clock.now() + skew))
    const [ahead, behind] = await Promise.all(clocks.map(clock => world.another({ clock })))
    const pass = (seconds: number): void => {
      for (const clock of [world.clock, ...clocks]) clock.advance(seconds)
    }
    for (let turn = 0; turn < 24; turn++) {
      await ahead?.refreshDue()
      pass(10 * MINUTE)
    }
    const { url } = (await behind?.start(alice, 'notes', { binding: BINDING })) ?? { url: '' }
    await behind?.complete({ params: await walkAuthorization(url), binding: BINDING, owner: alice })
    pass(10 * MINUTE)
    t.match(await behind?.refreshDue(), { refreshed: 1 })
  }
)

t.test('5.7 clock skew: that a refresh token is over is for its server to say', async t => {
  for (const [error, reason] of [
    [null, null],
    ['invalid_grant', 'expired_no_refresh']
  ] as const) {
    const storage = memoryStorage()
    const world = await createWorld(t, { app: { storage } })
    const { connection } = await world.connect()
    const refreshExpiresAt = world.clock.now() + HOUR
    t.ok(await storage.update(COLLECTIONS.connections, connection.id ?? '', {}, { refreshExpiresAt }))
    world.clock.advance(2 * HOUR)
    if (error === null) t.equal(await world.whoami(), 'alice')
    else {
      world.issuer.fail('token', fault.oauthError(error))
      await t.rejects(world.whoami(), { code: 'MCP_NEEDS_REAUTH', reason })
    }
    t.equal(refreshes(world), 1)
  }
})

t.test(
  '5.7 clock skew: a process that died while it registered holds nobody up, however wrong its clock was',
  async t => {
    const storage = memoryStorage()
    const world = await createWorld(t, { app: { storage } })
    const { clock } = world
    const lost = new Promise<void>(resolve => {
      world.issuer.fail('register', () => {
        resolve()
        return fault.hang()
      })
    })
    const dead = await world.another({ clock: settableClock(clock.now() + HOUR) })
    dead.start(alice, 'notes', { binding: BINDING }).catch(() => undefined)
    await lost
    const view = onlooker(storage, record => record['clientId'] === null)
    const next = await world.another({ storage: view.storage })
    const starting = next.start(alice, 'notes', { binding: BINDING })
    await view.looks()
    clock.advance(31)
    t.match(await starting, { url: /^http/ })
  }
)
