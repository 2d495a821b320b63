import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createKeyRing, type StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { type SettableClock, settableClock } from '@fastify-mcp-auth/testing'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import type { ExternalSigner } from '../../src/index.ts'
import { openRecords } from '../../src/records.ts'
import { readExternalSigner, signJwt } from '../../src/tokens/signer.ts'
import { type KeySettings, LEAD_TIME, loadSigningKeys, type SigningKeys } from '../../src/tokens/signing-keys.ts'
import { buildServer, ORIGIN, RESOURCE, refusalOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'

const DAY = 86_400
const encryptionKey = randomBytes(32).toString('base64')

function setting(clock: SettableClock, storage: StorageDriver, more: Partial<KeySettings> = {}) {
  const keyRing = createKeyRing([encryptionKey])
  const settings: KeySettings = {
    records: openRecords(storage),
    keyRing,
    clock,
    issuer: ORIGIN,
    algorithms: ['ES256'],
    external: [],
    rotateAfter: 0,
    emit: () => undefined,
    ...more
  }
  return () => loadSigningKeys(settings)
}

const kid = async (keys: SigningKeys): Promise<string> => (await keys.signer('ES256')).kid
const published = async (keys: SigningKeys): Promise<string[]> =>
  JSON.parse(await keys.jwks()).keys.map((key: { kid: string }) => key.kid)

t.test(
  'RFC 7517 5: a new key is published for an hour before it signs, the old one for a day after its last signature',
  async t => {
    const clock = settableClock(1_800_000_000)
    const keys = await setting(clock, memoryStorage())()
    const old = await kid(keys)
    const states = (await keys.rotate()).map(({ state }) => state)
    t.strictSame(states, ['current', 'next'])
    const [, next = ''] = await published(keys)
    t.equal(await kid(keys), old, 'nobody has the new key yet')
    clock.advance(LEAD_TIME - 1)
    t.equal(await kid(keys), old)
    clock.advance(1)
    t.equal(await kid(keys), next)
    clock.advance(DAY - 1)
    t.strictSame(await published(keys), [old, next], 'the last token of the old key may still be good')
    clock.advance(61)
    t.strictSame(await published(keys), [next])
    t.equal(await refusalOf(keys.verificationKey({ kid: old, alg: 'ES256' })), 'unknown_key')
    t.equal(await keys.removeRetired(), 1)
    t.equal(await keys.removeRetired(), 0)
    t.equal(await kid(keys), next)
  }
)

t.test('a token that was signed before a rotation is accepted until it expires', async t => {
  const server = await buildServer(t, { options: { accessTokenTtl: DAY } })
  const { verifyAccessToken, keys } = server.app.authorizationServer
  await keys.rotate()
  server.clock.advance(LEAD_TIME - 1)
  const { access_token: last } = await server.client().connect()
  for (let hour = 0; hour < 23; hour++) {
    server.clock.advance(LEAD_TIME)
    await server.app.authorizationServer.cleanup()
    t.equal(await refusalOf(verifyAccessToken(last, RESOURCE)), 'accepted')
  }
  const { access_token: first } = await server.client().connect()
  t.not(JSON.parse(atob(first.split('.')[0] ?? '')).kid, JSON.parse(atob(last.split('.')[0] ?? '')).kid)
})

t.test('a stolen key: what it signed is refused at once, here and within a minute everywhere', async t => {
  const storage = observableStorage()
  const options = { encryptionKeys: [encryptionKey] }
  const one = await buildServer(t, { storage, options })
  const two = await buildServer(t, { storage, options })
  const { access_token: token } = await one.client().connect()
  await one.app.authorizationServer.keys.rotate()
  const [next, ...others] = await one.app.authorizationServer.keys.rotate({ immediately: true })
  t.strictSame(others, [], 'the one that waited goes as well')
  t.equal(next?.state, 'current')
  t.equal(await refusalOf(one.app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'not_acceptable')
  two.clock.advance(60)
  t.equal(await refusalOf(two.app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'not_acceptable')
  const [key, ...more] = (await one.app.inject('/.well-known/jwks.json')).json().keys
  t.strictSame([key.kid, more], [next?.kid, []])
  one.clock.advance(1)
  const { access_token: fresh } = await one.client().connect()
  t.equal(await refusalOf(two.app.authorizationServer.verifyAccessToken(fresh, RESOURCE)), 'accepted')
})

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const kms: ExternalSigner = {
  algorithm: 'ES256',
  publicJwk: publicKey.export({ format: 'jwk' }),
  sign: data => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

/** What takes the place of a key of ours for ES256, each so that it gets no successor. */
const SWITCHES = {
  'a key management service': async (): Promise<Partial<KeySettings>> => ({
    external: [await readExternalSigner(kms)]
  }),
  'another algorithm': async (): Promise<Partial<KeySettings>> => ({ algorithms: ['EdDSA'] })
}

/** Two processes on one storage: one with options of before, one with those of after a switch. */
async function switched(how: keyof typeof SWITCHES) {
  const clock = settableClock(1_800_000_000)
  const storage = observableStorage()
  const events: string[] = []
  const emit = (type: string): void => void events.push(type)
  const before = setting(clock, storage, { emit })
  const after = setting(clock, storage, { emit, ...(await SWITCHES[how]()) })
  return { clock, storage, events, before, after }
}

/** As far as one process is concerned, what a key of ES256 has signed. */
const verdict = (keys: SigningKeys, kid: string): Promise<string> =>
  refusalOf(keys.verificationKey({ kid, alg: 'ES256' }))
const statesOf = async (keys: SigningKeys): Promise<string[]> =>
  (await keys.list()).map(({ kid, state }) => `${kid} ${state}`)

for (const how of Object.keys(SWITCHES) as (keyof typeof SWITCHES)[]) {
  t.test(`a stolen key that ${how} has taken the place of: over at once, and within a minute everywhere`, async t => {
    const { clock, events, before, after } = await switched(how)
    const one = await before()
    const stolen = await kid(one)
    await one.rotate()
    const [, waiting = ''] = await published(one)
    const two = await after()
    await two.rotate({ immediately: true })
    for (const gone of [stolen, waiting]) {
      t.equal(await verdict(two, gone), 'unknown_key')
      t.equal(await refusalOf(two.verificationKey({ kid: gone, alg: 'ES256', past: true })), 'unknown_key')
      t.notOk((await published(two)).includes(gone))
      t.notOk((await statesOf(two)).some(state => state.startsWith(gone)))
    }
    t.strictSame(
      (await two.list()).map(({ state }) => state),
      ['current']
    )
    t.equal(events.filter(type => type === 'key.removed').length, 2)
    clock.advance(60)
    const another = await kid(one)
    t.notOk([stolen, waiting].includes(another), 'a process that still needs one makes another')
    for (const gone of [stolen, waiting]) t.equal(await verdict(one, gone), 'unknown_key')
    clock.advance(60)
    t.equal(await verdict(two, another), 'accepted')
  })

  t.test(
    `RFC 7517 5: a key that ${how} has taken the place of is published until its last token has expired`,
    async t => {
      const { clock, storage, before, after } = await switched(how)
      const old = await kid(await before())
      const two = await after()
      t.strictSame(
        (await statesOf(two)).filter(state => state.startsWith(old)),
        [`${old} previous`]
      )
      for (let hour = 0; hour < 25; hour++) {
        t.equal(await verdict(two, old), 'accepted', `${hour}`)
        t.ok((await published(two)).includes(old))
        t.equal(await two.removeRetired(), 0)
        await two.rotate()
        clock.advance(3600)
      }
      t.equal(await verdict(two, old), 'unknown_key')
      t.notOk((await published(two)).includes(old))
      t.notOk((await statesOf(two)).some(state => state.startsWith(old)))
      t.equal(
        await refusalOf(two.verificationKey({ kid: old, alg: 'ES256', past: true })),
        'accepted',
        'it was not stolen: an old ID token still tells who somebody was'
      )
      clock.advance(60)
      t.ok((await two.removeRetired()) >= 1)
      t.notMatch(await storage.dump(), old)
    }
  )

  t.test(
    `a deployment of days in which some processes sign with ${how}: each token is good until it expires`,
    async t => {
      const { clock, before, after } = await switched(how)
      const one = await before()
      const old = await kid(one)
      const two = await after()
      for (let minute = 0; minute < 3 * 24 * 60; minute++) {
        clock.advance(60)
        const processes = minute % 2 ? [one, two] : [two, one]
        const verdicts: string[] = []
        for (const keys of processes) {
          verdicts.push(await verdict(keys, await kid(one)))
          verdicts.push(`${await keys.removeRetired()}`)
        }
        if (verdicts.join() !== 'accepted,0,accepted,0') t.fail(`minute ${minute}: ${verdicts}`)
      }
      t.equal(await kid(one), old)
      t.ok((await statesOf(one)).includes(`${old} current`))
      t.ok((await statesOf(two)).includes(`${old} previous`))
      // The old process ends here, and has just signed.
      clock.advance(DAY - 1)
      t.equal(await verdict(two, old), 'accepted')
      clock.advance(3600 + 61)
      t.equal(await verdict(two, old), 'unknown_key')
      await two.removeRetired()
      t.notOk((await published(two)).includes(old))
    }
  )

  t.test(`back from ${how}: the same key while it is not over, and then another`, async t => {
    const { clock, before, after } = await switched(how)
    const old = await kid(await before())
    await after()
    clock.advance(DAY)
    const back = await before()
    t.equal(await kid(back), old)
    clock.advance(10 * DAY)
    t.equal(await kid(back), old, 'nobody says any more that it is over')
    await after()
    clock.advance(2 * DAY)
    const again = await before()
    const next = await kid(again)
    t.not(next, old)
    t.equal(await kid(back), next)
    t.equal(await verdict(again, old), 'unknown_key', 'what is over stays over')
    t.equal(await refusalOf(again.verificationKey({ kid: old, alg: 'ES256', past: true })), 'accepted')
    await again.removeRetired()
    t.equal(await kid(again), next)
    t.equal((await again.rotate({ immediately: true })).length, 1)
    t.not(await kid(again), next, 'and it can be replaced at once')
  })

  t.test(`keys that ${how} removes at the very moment when another process reads them`, async t => {
    const { clock, storage, before, after } = await switched(how)
    const one = await before()
    const two = await after()
    const { list } = storage
    clock.advance(60)
    let isFirst = true
    const read: StorageDriver['list'] = async (collection, ...where) => {
      const page = await list(collection, ...where)
      if (isFirst) {
        isFirst = false
        await two.rotate({ immediately: true })
      }
      return page
    }
    storage.list = read
    const signing = await kid(one)
    clock.advance(60)
    t.equal(await verdict(two, signing), 'accepted')
  })
}

t.test('ten processes rotate at once, twice: one new key', async t => {
  for (const how of [{}, { immediately: true }]) {
    const clock = settableClock(1_800_000_000)
    const storage = observableStorage()
    const load = setting(clock, storage)
    const processes = await Promise.all(Array.from({ length: 10 }, load))
    await Promise.all(processes.map(keys => keys.rotate(how)))
    await Promise.all(processes.map(keys => keys.rotate(how)))
    t.equal(JSON.parse(await storage.dump()).length, 2)
    t.equal(new Set(await Promise.all(processes.map(kid))).size, 1)
  }
})

t.test('the schedule: a key gets a successor in time, without a timer, from whichever process is used', async t => {
  const clock = settableClock(1_800_000_000)
  const storage = observableStorage()
  const load = setting(clock, storage, { rotateAfter: 30 * DAY })
  const processes = await Promise.all(Array.from({ length: 10 }, load))
  const [one, two] = processes as [SigningKeys, SigningKeys]
  const first = await kid(one)
  clock.advance(30 * DAY - LEAD_TIME - 1)
  await Promise.all(processes.map(kid))
  t.equal(JSON.parse(await storage.dump()).length, 1)
  clock.advance(61)
  t.strictSame(await Promise.all(processes.map(kid)), Array(10).fill(first), 'the successor is not used yet')
  t.equal(JSON.parse(await storage.dump()).length, 2, 'there is one')
  clock.advance(LEAD_TIME)
  t.not(await kid(two), first)
  t.equal(await kid(one), await kid(two))
  clock.advance(300 * DAY)
  t.equal((await published(two)).length, 2, 'after a long sleep one is added, not ten')
})

t.test('openauth 323: parallel requests at the end of a minute read the storage once', async t => {
  const clock = settableClock(1_800_000_000)
  const inner = memoryStorage()
  let reads = 0
  const read: StorageDriver['list'] = (collection, ...where) => {
    reads++
    return inner.list(collection, ...where)
  }
  const storage: StorageDriver = { ...inner, list: read }
  const keys = await setting(clock, storage)()
  const before = reads
  await Promise.all(Array.from({ length: 100 }, () => keys.signer('ES256')))
  t.equal(reads, before)
  clock.advance(60)
  await Promise.all(Array.from({ length: 100 }, () => keys.signer('ES256')))
  t.equal(reads, before + 1)
})

t.test('an outage of the storage: the key set is still served, signing says that it cannot', async t => {
  const clock = settableClock(1_800_000_000)
  const storage = observableStorage()
  const keys = await setting(clock, storage)()
  const before = await published(keys)
  storage.goDown()
  clock.advance(600)
  t.strictSame(await published(keys), before)
  await t.rejects(keys.signer('ES256'), { name: 'UnavailableError' })
  await t.rejects(keys.verificationKey({ kid: before[0], alg: 'ES256' }), { name: 'UnavailableError' })
  storage.comeBack()
  t.strictSame([await kid(keys)], before)
})

t.test('two issuers on one storage have keys of their own', async t => {
  const clock = settableClock(1_800_000_000)
  const storage = memoryStorage()
  const one = await setting(clock, storage)()
  const two = await setting(clock, storage, { issuer: `${ORIGIN}/two` })()
  t.not(await kid(one), await kid(two))
  t.equal(await refusalOf(two.verificationKey({ kid: await kid(one), alg: 'ES256' })), 'unknown_key')
})

for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA'] as const)
  t.test(`RFC 7518 3.1: ${alg} signatures are those that others verify with the published key`, async t => {
    const keys = await setting(settableClock(1_800_000_000), memoryStorage(), { algorithms: [alg] })()
    const set = createLocalJWKSet(JSON.parse(await keys.jwks()))
    const signer = await keys.signer(alg)
    // Often enough for an ES256 number that begins with a zero byte, which has one byte less in ASN.1.
    const wanted = alg === 'ES256' ? 600 : 2
    let good = 0
    for (let i = 0; i < wanted; i++) {
      const token = await signJwt(signer, 'at+jwt', { i })
      const { protectedHeader, payload } = await jwtVerify(token, set, { algorithms: [alg] })
      if (payload['i'] === i && protectedHeader.alg === alg) good++
    }
    t.equal(good, wanted)
  })

t.test('RFC 8725 3.5: an HS256 key is in no key set and no database in clear', async t => {
  const storage = observableStorage()
  const keys = await setting(settableClock(1_800_000_000), storage, { algorithms: ['ES256', 'HS256'] })()
  const signer = await keys.signer('HS256')
  const token = await signJwt(signer, 'at+jwt', { sub: 'x' })
  const { key: secret } = await keys.verificationKey({ kid: signer.kid, alg: 'HS256' })
  await t.resolves(jwtVerify(token, secret))
  const { keys: set } = JSON.parse(await keys.jwks())
  t.strictSame(
    set.map((key: { alg: string }) => key.alg),
    ['ES256']
  )
  t.notMatch(await storage.dump(), secret.export().toString('base64url'))
  t.equal(await refusalOf(keys.verificationKey({ kid: signer.kid, alg: 'ES256' })), 'unknown_key')
})
