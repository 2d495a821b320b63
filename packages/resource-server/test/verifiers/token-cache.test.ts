import { digest } from '@fastify-mcp-auth/core'
import { createTestIssuer, settableClock, type TestIssuer } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { type JwtOptions, jwt } from '../../src/index.ts'
import type { VerifiedToken, Verifier } from '../../src/types.ts'
import { createSightings } from '../../src/verifiers/sightings.ts'
import { createTokenCache } from '../../src/verifiers/token-cache.ts'
import { createApp, RESOURCE, reasonOf } from '../app.ts'

const context = { resource: RESOURCE, request: null }
const START = 1_800_000_000

interface Setup {
  verifier: Verifier
  issuer: TestIssuer
  clock: ReturnType<typeof settableClock>
  mint: (options?: object) => Promise<string>
}

/** A verifier whose key is known already. */
async function setup(options: Partial<JwtOptions> = {}): Promise<Setup> {
  const clock = settableClock(START)
  const issuer = await createTestIssuer({ clock })
  const verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch, clock, ...options })
  const mint = (more: object = {}): Promise<string> => issuer.mint({ resource: RESOURCE, ...more })
  await verifier.verify(await mint(), context)
  return { verifier, issuer, clock, mint }
}

/** Shows a token as often as it takes to be remembered: what comes once is not. */
async function remember(verifier: Verifier, token: string): Promise<VerifiedToken> {
  await verifier.verify(token, context)
  return verifier.verify(token, context)
}

t.test('a token that is known is answered at once, with the same frozen object', async t => {
  const { verifier, mint } = await setup()
  const token = await mint()
  const first = verifier.verify(token, context)
  t.notOk(first instanceof Promise)
  const second = verifier.verify(token, context)
  t.not(second, first, 'a token that came once is not remembered')
  t.equal(verifier.verify(token, context), second)
  t.ok(Object.isFrozen(second))
})

t.test('cache: false verifies every time', async t => {
  const { verifier, mint } = await setup({ cache: false })
  const token = await mint()
  const seen = Array.from({ length: 4 }, () => verifier.verify(token, context))
  t.equal(new Set(seen).size, 4)
})

t.test('CVE-2026-35039, CVE-2026-35030, cache rule 1: the whole token counts, not its beginning', async t => {
  const { verifier, mint } = await setup()
  const [a, b] = [await mint({ subject: 'alice' }), await mint({ subject: 'bob' })]
  const seen = new Set<string>()
  for (let round = 0; round < 10_000; round++) {
    const [first, second] = [await verifier.verify(a, context), await verifier.verify(b, context)]
    seen.add(`${first.subject} ${second.subject}`)
  }
  t.strictSame([...seen], ['alice bob'])
  const mixed = a.slice(0, a.lastIndexOf('.')) + b.slice(b.lastIndexOf('.'))
  t.equal(await reasonOf(() => verifier.verify(mixed, context)), 'signature')
})

t.test('cache rule 2: exp is checked on each hit, and maxTtl ends an entry before', async t => {
  const { verifier, clock, mint } = await setup({ cache: { maxTtl: 100 } })
  const short = await mint({ expiresIn: 60 })
  const long = await mint({ expiresIn: 3600 })
  const [first, kept] = [await remember(verifier, short), await remember(verifier, long)]
  clock.advance(64)
  t.equal(await verifier.verify(short, context), first, 'the tolerance counts for what is known, too')
  clock.advance(1)
  t.equal(await reasonOf(() => verifier.verify(short, context)), 'expired')
  t.equal(await verifier.verify(long, context), kept)
  clock.advance(35)
  t.not(await verifier.verify(long, context), kept)
})

t.test('fast-jwt 6.3.2, cache rule 2: a token without iat expires like any other', async t => {
  const { verifier, clock, mint } = await setup({ profile: 'lenient' })
  const token = await mint({ expiresIn: 60, claims: { iat: undefined } })
  const kept = await remember(verifier, token)
  t.equal(await verifier.verify(token, context), kept)
  clock.advance(66)
  t.equal(await reasonOf(() => verifier.verify(token, context)), 'expired')
})

t.test('cache rule 2: nothing is good before its time because a clock was set back', async t => {
  const { verifier, clock, mint } = await setup()
  const token = await mint({ expiresIn: 3600, claims: { nbf: START } })
  await remember(verifier, token)
  clock.set(START - 100)
  t.equal(await reasonOf(() => verifier.verify(token, context)), 'nbf')
})

t.test('GHSA-675f-rq2r-jw82, cache rule 3: a key that is dropped takes its tokens with it', async t => {
  const { verifier, issuer, clock, mint } = await setup()
  const before = await mint({ expiresIn: 3600 })
  const first = await remember(verifier, before)
  t.equal(verifier.verify(before, context), first)
  await issuer.rotate()
  clock.advance(31)
  await verifier.verify(await mint(), context)
  t.equal(await reasonOf(() => verifier.verify(before, context)), 'unknown_key')
})

t.test('cache rule 3: a hit renews keys too, so a dropped key ends with maxAge at the latest', async t => {
  const { verifier, issuer, clock, mint } = await setup({ cache: { maxTtl: 3600 } })
  const token = await mint({ expiresIn: 7200 })
  await remember(verifier, token)
  await issuer.rotate()
  clock.advance(600)
  t.equal(await reasonOf(() => verifier.verify(token, context)), 'unknown_key')
})

t.test('cache rule 3: a rotation that keeps the old key forgets nothing', async t => {
  const { verifier, issuer, clock, mint } = await setup()
  const token = await mint({ expiresIn: 3600 })
  const first = await remember(verifier, token)
  await issuer.rotate({ keep: true })
  clock.advance(31)
  await verifier.verify(await mint(), context)
  t.equal(await verifier.verify(token, context), first)
})

t.test(
  'cache rule 4, cache rule 5: revocation, audience and scopes are asked on every request, also on a hit',
  async t => {
    const revoked = new Set<string>()
    let asked = 0
    const { app, bearer } = await createApp(t, {
      options: {
        isRevoked: principal => {
          asked++
          return revoked.has(principal.subject)
        }
      },
      routes: app => {
        app.get('/any', { config: { mcpAuth: {} } }, async () => 'in')
        app.get('/more', { config: { mcpAuth: { scopes: ['more'] } } }, async () => 'in')
      }
    })
    const headers = await bearer({ scopes: ['mcp:tools'] })
    const status = async (url: string): Promise<number> => (await app.inject({ url, headers })).statusCode
    t.equal(await status('/any'), 200)
    t.equal(await status('/any'), 200)
    t.equal(await status('/any'), 200)
    t.equal(asked, 3)
    t.equal(await status('/more'), 403)
    revoked.add('alice')
    t.equal(await status('/any'), 401)
  }
)

t.test('cache rule 5: two resources with one verifier judge a known token each for itself', async t => {
  const { verifier, mint } = await setup()
  const ours = await createApp(t, { options: { verify: verifier } })
  const other = 'http://127.0.0.1:3000/other'
  const theirs = await createApp(t, { options: { verify: verifier, resource: other } })
  const token = await mint()
  for (let round = 0; round < 3; round++) {
    t.equal((await ours.app.mcpAuth.verify(token)).subject, 'alice')
    t.equal(await reasonOf(() => theirs.app.mcpAuth.verify(token)), 'audience')
  }
})

t.test('zeroid#272, cache rule 6: a token that is bound to a key is no bearer token', async t => {
  const { app, issuer } = await createApp(t)
  for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, {}]) {
    const token = await issuer.mint({ resource: RESOURCE, claims: { cnf } })
    for (let round = 0; round < 3; round++)
      t.equal(await reasonOf(() => app.mcpAuth.verify(token)), 'sender_constrained')
  }
})

t.test(
  'shared cached object, cache rule 7: what one request does to its principal does not reach the next',
  async t => {
    const { app, bearer } = await createApp(t, {
      routes: app => {
        app.get('/x', { config: { mcpAuth: {} } }, async request => {
          t.throws(() => ((request.auth?.scopes ?? []) as string[]).push('admin'), TypeError)
          t.throws(() => Object.assign(request.auth?.claims as object, { sub: 'mallory' }), TypeError)
          const info = (request.raw as unknown as { auth: { scopes: string[]; token: string } }).auth
          info.scopes.push('admin')
          return { scopes: request.auth?.scopes, token: request.auth?.token === info.token }
        })
      }
    })
    const headers = await bearer({ scopes: ['a'] })
    for (let round = 0; round < 4; round++)
      t.strictSame((await app.inject({ url: '/x', headers })).json(), { scopes: ['a'], token: true })
  }
)

t.test('cache rule 8: bounded, and what was seen lately stays', t => {
  const cache = createTokenCache({ maxEntries: 10 }, settableClock(START), 'test')
  const verified = (subject: string) => ({
    subject,
    clientId: 'c',
    scopes: [],
    issuer: 'https://issuer.test',
    audience: [RESOURCE],
    expiresAt: START + 60,
    organization: null,
    claims: {}
  })
  const terms = { until: START + 60, keys: { generation: () => 0 } }
  cache?.add('used', verified('used'), terms)
  for (let index = 0; index < 100; index++) {
    cache?.add(`n${index}`, verified(`n${index}`), terms)
    t.equal(cache?.get('used')?.subject, 'used')
  }
  const left = Array.from({ length: 100 }, (_, index) => cache?.get(`n${index}`)).filter(Boolean)
  t.ok(left.length <= 10, `${left.length}`)
  t.end()
})

t.test('cache rule 8: tokens that come once push nothing out', async t => {
  const { verifier, mint } = await setup({ cache: { maxEntries: 4 } })
  const token = await mint()
  const kept = await remember(verifier, token)
  for (let index = 0; index < 20; index++) await verifier.verify(await mint(), context)
  t.equal(await verifier.verify(token, context), kept)
})

t.test(
  'cache rule 1: a sighting is no verdict: it tells names apart roughly, and a forged token is refused each time',
  async t => {
    const sightings = createSightings(2)
    const end = 'abcdefghijklmnopqrst'
    t.equal(sightings.note(`one.${end}`), false)
    t.equal(sightings.note(`one.${end}`), true)
    t.equal(sightings.note(`two.${end}`), true, 'told apart by a few characters only')
    // Eight places: some of a hundred take that of the first.
    for (let n = 0; n < 100; n++) sightings.note(`${n}.${digest(String(n))}`)
    t.equal(sightings.note(`one.${end}`), false, 'a later one took its place')

    const { verifier, mint } = await setup()
    const [token, other] = [await mint(), await mint()]
    const forged = token.slice(0, token.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'))
    for (let round = 0; round < 3; round++) t.equal(await reasonOf(() => verifier.verify(forged, context)), 'signature')
  }
)

t.test('cache rule 9: nothing bad is remembered', async t => {
  const { verifier, issuer, clock, mint } = await setup()
  const early = await mint({ claims: { nbf: START + 100 } })
  t.equal(await reasonOf(() => verifier.verify(early, context)), 'nbf')
  clock.advance(100)
  t.equal((await verifier.verify(early, context)).subject, 'alice')
  const unknown = await mint({ header: { kid: 'new' } })
  t.equal(await reasonOf(() => verifier.verify(unknown, context)), 'unknown_key')
  const fetches = issuer.fetches
  t.equal(await reasonOf(() => verifier.verify(unknown, context)), 'unknown_key')
  t.equal(issuer.fetches, fetches)
})

t.test('cache rule 10: what is remembered helps only who has the whole token', async t => {
  const { verifier, mint } = await setup()
  const token = await mint()
  const known = await remember(verifier, token)
  t.equal(await verifier.verify(token, context), known)
  for (let index = 0; index < token.length; index += 7) {
    const other = token[index] === 'A' ? 'B' : 'A'
    const nearly = token.slice(0, index) + other + token.slice(index + 1)
    t.type(await reasonOf(() => verifier.verify(nearly, context)), 'string', `${index}`)
  }
  t.type(await reasonOf(() => verifier.verify(token.slice(0, -1), context)), 'string')
})

t.test('cache rule 11: a crowd with one new token makes one fetch of the keys', async t => {
  const clock = settableClock(START)
  const issuer = await createTestIssuer({ clock })
  const verifier = jwt({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, fetch: issuer.fetch, clock })
  const token = await issuer.mint({ resource: RESOURCE })
  await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token, context)))
  t.equal(issuer.fetches, 1)
})

t.test('options of the cache are checked', t => {
  for (const cache of [{ maxTtl: 0 }, { maxEntries: 1 }, { ttl: 5 }, true, 5])
    t.throws(() => jwt({ issuer: 'https://issuer.test', cache: cache as never }), { code: 'FST_OAUTH_OPTION' })
  t.end()
})
