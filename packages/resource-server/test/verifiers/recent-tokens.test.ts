import { settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import type { VerifiedToken } from '../../src/types.ts'
import { createTokenCache, type TokenCache } from '../../src/verifiers/token-cache.ts'

const START = 1_800_000_000
const VERIFIED: VerifiedToken = {
  subject: 'alice',
  clientId: 'c',
  scopes: [],
  issuer: 'https://a.test',
  audience: ['https://r.test'],
  expiresAt: START + 1000,
  organization: null,
  claims: {}
}

/** A cache with a time and a key set that can be changed. */
function createCache(bounds: { maxEntries?: number; maxTtl?: number } = {}) {
  const clock = settableClock(START)
  const keys = { current: 1 as number | null, generation: () => keys.current }
  const cache = createTokenCache(bounds, clock, 'test') as TokenCache
  const add = (name: string, until = START + 1000): VerifiedToken => cache.add(name, VERIFIED, { until, keys })
  return { cache, clock, keys, add }
}

t.test('a token that was verified while the keys were too old is not remembered, however they are later', async t => {
  const { cache, keys, add } = createCache()
  keys.current = null
  t.equal(add('a').subject, 'alice')
  t.equal(cache.get('a'), null)
  keys.current = 1
  t.equal(cache.get('a'), null)
})

t.test('what a clock that was set back made uncertain stays forgotten when the clock is right again', async t => {
  const { cache, clock, add } = createCache({ maxEntries: 4 })
  for (const isOld of [false, true]) {
    add('a')
    if (isOld) add('b')
    t.ok(cache.get('a'))
    clock.advance(-1)
    t.equal(cache.get('a'), null)
    clock.advance(1)
    t.equal(cache.get('a'), null, isOld ? 'older half' : 'younger half')
  }
})

t.test('a key that was dropped ends what it signed, also when the next set has it again', async t => {
  const { cache, keys, add } = createCache({ maxEntries: 4 })
  for (const isOld of [false, true]) {
    keys.current = 1
    add('a')
    if (isOld) add('b')
    keys.current = 2
    t.equal(cache.get('a'), null)
    keys.current = 1
    t.equal(cache.get('a'), null, isOld ? 'older half' : 'younger half')
  }
})

t.test('what has already ended takes nobody else’s place', async t => {
  const { cache, add } = createCache({ maxEntries: 4 })
  add('a')
  for (const name of ['b', 'c', 'd', 'e']) t.equal(add(name, START).subject, 'alice')
  t.ok(cache.get('a'))
  t.equal(cache.get('b'), null)
})

t.test('no more than maxEntries, and what is asked for stays', async t => {
  const { cache, add } = createCache({ maxEntries: 4 })
  for (const name of ['a', 'b', 'c', 'd', 'e']) add(name)
  t.equal(cache.get('a'), null)
  t.ok(cache.get('e'))
  const busy = createCache({ maxEntries: 4 })
  busy.add('a')
  for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) {
    busy.add(name)
    t.ok(busy.cache.get('a'), name)
  }
})

t.test('each entry ends by itself: at its until, and at maxTtl', async t => {
  const { cache, clock, add } = createCache({ maxTtl: 100 })
  add('short', START + 50)
  add('long', START + 500)
  clock.advance(49)
  t.ok(cache.get('short'))
  clock.advance(1)
  t.equal(cache.get('short'), null)
  clock.advance(49)
  t.ok(cache.get('long'))
  clock.advance(1)
  t.equal(cache.get('long'), null)
})

t.test('a token is found by all of it, also in the older half, and not by its end', async t => {
  const { cache, keys } = createCache({ maxEntries: 4 })
  const terms = { until: START + 1000, keys }
  const end = 'x'.repeat(40)
  const remember = (token: string): void => {
    for (let round = 0; round < 2; round++) cache.addReturning(token, { ...VERIFIED, subject: token }, terms)
  }
  t.equal(cache.find(`alice.${end}`), null)
  remember(`alice.${end}`)
  t.equal(cache.find(`alice.${end}`)?.subject, `alice.${end}`)
  t.equal(cache.find(`bob.${end}`), null, 'the same end is not the same token')
  remember('another'.repeat(9))
  t.equal(cache.find(`alice.${end}`)?.subject, `alice.${end}`, 'older half')
})

t.test('cache rules 1 and 5: names are of the whole token, and what one verifier remembers no other does', async t => {
  const [one, two] = [createCache().cache, createCache().cache]
  t.equal(one.nameOf('token'), one.nameOf('token'))
  t.not(one.nameOf('token'), one.nameOf('token2'))
  const keys = { generation: () => 0 }
  one.add(one.nameOf('token'), VERIFIED, { until: START + 1000, keys })
  t.equal(one.get(one.nameOf('token'))?.subject, 'alice')
  t.equal(two.get(two.nameOf('token')), null)
  t.equal(createTokenCache(false, settableClock(START), 'test'), null)
  for (const bounds of [{ maxEntries: 1 }, { maxEntries: 1_000_001 }, { maxTtl: 0 }, { maxTtl: 86_401 }])
    t.throws(() => createCache(bounds), { code: 'FST_OAUTH_OPTION' })
  for (const bounds of [{ maxEntries: 2 }, { maxEntries: 1_000_000 }, { maxTtl: 1 }, { maxTtl: 86_400 }])
    t.doesNotThrow(() => createCache(bounds))
})
