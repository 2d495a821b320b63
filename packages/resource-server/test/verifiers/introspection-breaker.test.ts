/** What callers and the issuer see of an introspection endpoint that does not answer. */
import { setImmediate } from 'node:timers/promises'
import { isUnavailableError } from '@fastify-mcp-auth/core'
import t from 'tap'
import { createApp, reasonOf } from '../app.ts'
import { endpoint, good, issuer, START, setup } from './introspection-fixture.ts'

const settings = { maxFailures: 3, cooldown: 10 }

async function fail(verify: (token: string) => Promise<unknown>, times: number, name = 'x'): Promise<void> {
  for (let index = 0; index < times; index++) await verify(`${name}-${index}`).catch(() => undefined)
}

t.test('architecture rule 6: tokens that are not active never open the breaker, however many', async t => {
  const { state, verifier, verify } = setup(settings)
  state.body = JSON.stringify({ active: false })
  for (let index = 0; index < 20; index++) t.equal(await reasonOf(() => verify(`bad-${index}`)), 'inactive')
  t.match(verifier.health?.(), [{ state: 'up', breaker: 'closed' }])
  state.body = JSON.stringify(good)
  t.equal((await verify()).subject, 'alice')
})

t.test('a token that the endpoint dislikes is no outage: nobody locks others out with it', async t => {
  for (const status of [400, 413, 414, 422]) {
    const { state, verifier, verify } = setup(settings)
    state.status = status
    state.body = JSON.stringify({ error: 'invalid_request' })
    for (let index = 0; index < 5; index++)
      await t.rejects(verify(`bad-${index}`), { code: 'FST_OAUTH_UNAVAILABLE' }, String(status))
    t.match(verifier.health?.(), [{ state: 'unknown', breaker: 'closed' }], 'it says nothing about the endpoint')
    Object.assign(state, { status: 200, body: JSON.stringify(good) })
    t.equal((await verify()).subject, 'alice')
  }
})

t.test('half-open: a token that the endpoint dislikes decides nothing, and the next caller finds out', async t => {
  const { state, verifier, verify, clock } = setup(settings)
  state.down = true
  await fail(verify, 3)
  clock.advance(10)
  Object.assign(state, { down: false, status: 400 })
  await fail(verify, 1, 'disliked')
  t.match(verifier.health?.(), [{ state: 'unknown', breaker: 'half-open' }])
  state.status = 200
  t.equal((await verify()).subject, 'alice')
})

t.test('RFC 7009 2.2.1: unsupported_token_type is a no, not an outage', async t => {
  const { state, verify } = setup(settings)
  Object.assign(state, { status: 400, body: JSON.stringify({ error: 'unsupported_token_type' }) })
  t.equal(await reasonOf(() => verify()), 'inactive')
})

t.test('RFC 6749 5.2: a client that the endpoint does not know is an outage, also with 400', async t => {
  for (const error of ['invalid_client', 'unauthorized_client']) {
    const { state, verifier, verify } = setup(settings)
    Object.assign(state, { status: 400, body: JSON.stringify({ error }) })
    await fail(verify, 3)
    t.match(verifier.health?.(), [{ state: 'down', breaker: 'open' }], error)
  }
})

t.test('architecture rule 6: after failures in a row everybody gets 503 at once, and nobody asks', async t => {
  const { state, verifier, verify, clock } = setup(settings)
  const { app } = await createApp(t, { options: { verify: verifier, clock } })
  const events: object[] = []
  for (const type of ['introspection.failed', 'introspection.suspended', 'introspection.recovered'] as const)
    app.mcpAuth.on(type, event => events.push({ ...event, error: undefined }))
  t.equal((await verify('known')).subject, 'alice')
  state.down = true
  await fail(verify, 2)
  t.match(app.mcpAuth.health(), { ok: true, dependencies: [{ state: 'unknown', breaker: 'closed' }] })
  await fail(verify, 1, 'third')
  t.match(app.mcpAuth.health(), { ok: false, dependencies: [{ state: 'down', breaker: 'open' }] })
  const asked = state.asked.length
  clock.advance(4)
  for (const token of ['new', 'new', 'newer']) {
    const response = await app.inject({ url: '/mcp', headers: { authorization: `Bearer ${token}` } })
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], '6')
    t.notOk(response.headers['www-authenticate'])
  }
  t.equal(state.asked.length, asked)
  t.equal((await verify('known')).subject, 'alice', 'what is remembered goes on working')
  t.strictSame(events, [
    { type: 'introspection.failed', issuer, error: undefined, resource: app.mcpAuth.resource, at: START },
    {
      type: 'introspection.suspended',
      issuer,
      seconds: 10,
      error: undefined,
      resource: app.mcpAuth.resource,
      at: START
    }
  ])
})

t.test(
  'half-open: one caller finds out, the others are not let through, and a failure starts the cooldown anew',
  async t => {
    const { state, verifier, verify, clock } = setup(settings)
    const events: string[] = []
    verifier.observe?.(event => events.push(event.type))
    state.down = true
    await fail(verify, 3)
    clock.advance(9)
    t.equal(await retryAfterOf(verify('early')), 1)
    t.equal(state.asked.length, 3)
    clock.advance(1)
    t.match(verifier.health?.(), [{ state: 'unknown', breaker: 'half-open' }])
    const { promise, resolve } = withResolvers()
    state.before = promise
    const probe = verify('probe')
    for (let index = 0; index < 5; index++) await t.rejects(verify(`other-${index}`), { code: 'FST_OAUTH_UNAVAILABLE' })
    t.equal(state.asked.length, 4)
    resolve()
    await t.rejects(probe, { code: 'FST_OAUTH_UNAVAILABLE' })
    t.match(verifier.health?.(), [{ state: 'down', breaker: 'open' }])
    t.equal(await retryAfterOf(verify('again')), 10)
    clock.advance(10)
    Object.assign(state, { down: false, before: null })
    t.equal((await verify('back')).subject, 'alice')
    t.match(verifier.health?.(), [{ state: 'up', breaker: 'closed' }])
    t.equal((await verify('everybody')).subject, 'alice')
    t.strictSame(events, ['introspection.failed', 'introspection.suspended', 'introspection.recovered'])
  }
)

t.test('failures of those who asked before it opened do not make the cooldown longer', async t => {
  const { state, verify, clock } = setup(settings)
  const { promise, resolve } = withResolvers()
  state.down = true
  state.before = promise
  const late = verify('late')
  while (state.asked.length === 0) await setImmediate()
  state.before = null
  await fail(verify, 3)
  clock.advance(9)
  resolve()
  await t.rejects(late, { code: 'FST_OAUTH_UNAVAILABLE' })
  clock.advance(1)
  state.down = false
  t.equal((await verify('in time')).subject, 'alice')
})

t.test('an answer in between starts the count anew; a clock that was set back does not keep it open', async t => {
  const { state, verify, clock } = setup(settings)
  for (let round = 0; round < 3; round++) {
    state.down = true
    await fail(verify, 2, `round-${round}`)
    state.down = false
    t.equal((await verify(`good-${round}`)).subject, 'alice')
  }
  state.down = true
  await fail(verify, 3)
  clock.advance(-1000)
  state.down = false
  t.equal((await verify('after')).subject, 'alice')
})

t.test('timeout: a fetch that never ends is ended, and the probe with it', async t => {
  const { state, verify, verifier } = setup({ maxFailures: 1, timeout: 1 })
  state.before = new Promise(() => undefined)
  await t.rejects(verify('hangs'), {
    code: 'FST_OAUTH_UNAVAILABLE',
    cause: { message: 'introspection: no answer within 1 s' }
  })
  t.match(verifier.health?.(), [{ state: 'down', breaker: 'open' }])
})

t.test('RFC 8414 2: after a failure the endpoint is looked up again, after a dislike it is not', async t => {
  const { state, verify, verifier } = setup({ endpoint: undefined })
  await verify('first')
  t.match(verifier.health?.(), [
    { dependency: 'introspection', state: 'up' },
    { dependency: 'discovery', issuer, state: 'up', age: 0 }
  ])
  state.status = 400
  await fail(verify, 1)
  t.equal(state.lookups, 1)
  state.status = 404
  await fail(verify, 1)
  Object.assign(state, { status: 200, published: `${endpoint}/moved` })
  await verify('second')
  t.equal(state.lookups, 2)
  t.equal(state.asked.at(-1)?.url, `${endpoint}/moved`)
})

t.test('health: metadata that cannot be read is down only while nobody is let through to read it', async t => {
  const { state, verify, verifier, clock } = setup({ ...settings, endpoint: undefined })
  state.published = ''
  await fail(verify, 2)
  t.match(verifier.health?.(), [{ state: 'unknown' }, { dependency: 'discovery', state: 'unknown', age: null }])
  await fail(verify, 1, 'third')
  t.match(verifier.health?.(), [{ state: 'down' }, { state: 'down' }])
  clock.advance(10)
  t.match(verifier.health?.(), [{ state: 'unknown' }, { state: 'unknown' }])
})

t.test('health: metadata that was read is up, whatever becomes of the endpoint', async t => {
  const { state, verify, verifier } = setup({ ...settings, endpoint: undefined })
  await verify()
  t.match(verifier.health?.(), [{ state: 'up' }, { dependency: 'discovery', state: 'up', age: 0 }])
  state.down = true
  await fail(verify, 3)
  t.match(verifier.health?.(), [{ state: 'down' }, { dependency: 'discovery', state: 'up' }])
})

async function retryAfterOf(question: Promise<unknown>): Promise<number | undefined> {
  return question.then(
    () => undefined,
    (error: unknown) => (isUnavailableError(error) ? error.retryAfter : undefined)
  )
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

t.test('RFC 7662 2.3: a dislike in any form is no outage, and an answer that is no object is one', async t => {
  for (const body of ['null', '"error"', '[]', '7', '', '{}', '<html>']) {
    const { state, verify, verifier } = setup({ maxFailures: 1 })
    Object.assign(state, { status: 400, body })
    await t.rejects(verify('a'), { code: 'FST_OAUTH_UNAVAILABLE' }, body)
    t.match(verifier.health?.(), [{ breaker: 'closed' }], body)
    if (body === '{}') continue
    state.status = 200
    await t.rejects(verify('b'), { code: 'FST_OAUTH_UNAVAILABLE' }, body)
    t.match(verifier.health?.(), [{ breaker: 'open' }], body)
  }
})
