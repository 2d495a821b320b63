/** Grants that end by their age: told once, and gone. */
import { type AuthorizationServerEvent, UnavailableError } from '@fastify-mcp-auth/core'
import t, { type Test } from 'tap'
import { type BuildOptions, buildServer, ORIGIN, recordsOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'

const KEY = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')

type Expired = AuthorizationServerEvent<'grant.expired'>

/** Whether the storage can take several records in one go. */
let takes = true

async function listening(t: Test, { storage = observableStorage(), ...build }: BuildOptions = {}) {
  if (!takes) delete storage.take
  const server = await buildServer(t, { ...build, storage, options: { encryptionKeys: [KEY], ...build.options } })
  const told: Expired[] = []
  server.app.authorizationServer.on('grant.expired', event => told.push(event))
  return { ...server, told, cleanup: server.app.authorizationServer.cleanup }
}

function testExpiry(t: Test): void {
  t.test('issue 4, grants: one that nobody refreshes ends by its idle lifetime, and that is told once', async t => {
    const { client, clock, told, cleanup, storage } = await listening(t, { options: { refreshTokenTtl: 1000 } })
    const one = client()
    const { refresh_token: token = '' } = await one.connect()
    clock.advance(999)
    await cleanup()
    t.strictSame(told, [])
    clock.advance(1)
    t.equal((await one.refresh(token)).json().error, 'invalid_grant', 'ended at its second, told or not')
    t.strictSame(told, [])
    clock.advance(1)
    const { records } = await recordsOf({ storage }).grants.list('subject', 'sub-alice')
    await cleanup()
    t.match(told, [
      {
        grantId: records[0]?.key,
        clientId: records[0]?.record.clientId,
        subject: 'sub-alice',
        reason: 'idle',
        endedAt: 1_800_001_000,
        at: 1_800_001_001,
        requestId: null
      }
    ])
    t.match(await storage.counts(), { grants: 0 })
    await cleanup()
    t.equal(told.length, 1)
  })

  t.test('issue 4, grants: one that is refreshed ends by its absolute lifetime', async t => {
    const { client, clock, told, cleanup } = await listening(t, { options: { refreshTokenTtl: 1000, grantTtl: 1500 } })
    const one = client()
    const { refresh_token: token = '' } = await one.connect()
    clock.advance(900)
    t.equal((await one.refresh(token)).statusCode, 200)
    clock.advance(601)
    await cleanup()
    t.match(told, [{ reason: 'absolute', endedAt: 1_800_001_500 }])
  })

  t.test('issue 4, grants: a code that nobody redeemed', async t => {
    const { client, clock, told, cleanup } = await listening(t)
    await client().authorize()
    clock.advance(901)
    await cleanup()
    t.match(told, [{ reason: 'not_redeemed', subject: 'sub-alice' }])
  })

  t.test('issue 4, grants: what was revoked was told then, and only goes', async t => {
    const { app, client, clock, told, cleanup, storage } = await listening(t)
    await client().connect()
    await app.authorizationServer.grants.revokeAll({ subject: 'sub-alice' })
    clock.advance(400 * 86_400)
    await cleanup()
    t.match(await storage.counts(), { grants: 0 })
    t.strictSame(told, [])
  })

  t.test('issue 4, grants: many nodes that clean up together tell of each grant once', async t => {
    const first = await listening(t)
    const nodes = [first]
    for (let i = 0; i < 3; i++)
      nodes.push(await listening(t, { storage: first.storage, options: { clock: first.clock } }))
    for (let i = 0; i < 7; i++) await first.client().connect()
    const { records } = await recordsOf(first).grants.list('subject', 'sub-alice')
    first.clock.advance(400 * 86_400)
    await Promise.all(nodes.map(({ cleanup }) => cleanup()))
    const told = nodes.flatMap(node => node.told.map(({ grantId }) => grantId))
    t.strictSame(told.toSorted(), records.map(({ key }) => key).toSorted())
    t.match(await first.storage.counts(), { grants: 0 })
  })

  t.test('issue 4, grants: one that is refreshed after it was found goes on, untold', async t => {
    const { client, clock, told, cleanup, storage } = await listening(t, { options: { refreshTokenTtl: 1000 } })
    const one = client()
    const { refresh_token: token = '' } = await one.connect()
    const { list } = storage
    let next = ''
    // The clock of who refreshes is behind that of who cleans up.
    storage.list = async (collection, ...where) => {
      const page = await list(collection, ...where)
      if (collection.name === 'grants' && next === '') {
        clock.advance(-2)
        next = (await one.refresh(token)).json<{ refresh_token: string }>().refresh_token
        clock.advance(2)
      }
      return page
    }
    clock.advance(1001)
    await cleanup()
    t.strictSame(told, [])
    t.equal((await one.refresh(next)).statusCode, 200)
  })

  t.test(
    'issue 4, grants: a refresh that was under way when the grant came of age wins or loses, never both',
    async t => {
      const { client, clock, told, cleanup, storage } = await listening(t, { options: { refreshTokenTtl: 1000 } })
      const outcomes = new Set<number>()
      for (let delay = 0; delay < 16; delay++) {
        told.length = 0
        const one = client()
        const { refresh_token: token = '' } = await one.connect()
        clock.advance(999)
        const refreshed = one.refresh(token)
        for (let turn = 0; turn < delay; turn++) await new Promise(setImmediate)
        clock.advance(2)
        const [response] = await Promise.all([refreshed, cleanup()])
        const isKept = (await storage.counts())['grants'] === 1
        outcomes.add(response.statusCode)
        t.equal(response.statusCode, isKept ? 200 : 400, `after ${delay} turns`)
        t.equal(told.length, isKept ? 0 : 1)
        if (isKept)
          t.equal(
            (await one.refresh(response.json<{ refresh_token: string }>().refresh_token)).statusCode,
            200,
            'what it got is good'
          )
        clock.advance(400 * 86_400)
        await cleanup()
      }
      t.strictSame([...outcomes].toSorted(), [200, 400], 'both were seen')
    }
  )

  t.test('issue 4, grants: bounded, resumable, and each once', async t => {
    const { client, clock, told, cleanup } = await listening(t)
    for (let i = 0; i < 9; i++) await client().authorize()
    clock.advance(400 * 86_400)
    let calls = 0
    while ((await cleanup({ limit: 4 })) > 0) calls++
    t.ok(calls >= 3)
    t.equal(new Set(told.map(({ grantId }) => grantId)).size, 9)
    t.equal(told.length, 9)
  })

  t.test('issue 4, grants: more of one second than one portion has', async t => {
    const { app, client, clock, told, cleanup, storage } = await listening(t)
    await client().authorize()
    const { grants } = recordsOf({ storage })
    const [one] = (await grants.list('subject', 'sub-alice')).records
    if (!one) throw new Error('there is no grant')
    for (let i = 0; i < 250; i++) await grants.insert(`copy-${i}`, one.record)
    clock.advance(901)
    await cleanup()
    t.equal(told.length, 251)
    t.match(await app.authorizationServer.stats(), { grants: { count: 0 } })
  })

  t.test('issue 4, grants: those of an issuer that nobody runs any more go after a week, untold', async t => {
    const a = await listening(t)
    const b = await buildServer(t, {
      storage: a.storage,
      options: { issuer: `${ORIGIN}/b`, prefix: '/b', clock: a.clock }
    })
    await b.client().authorize()
    a.clock.advance(7 * 86_400)
    await a.cleanup()
    t.match(await a.storage.counts(), { grants: 1 })
    a.clock.advance(601)
    await a.cleanup()
    t.match(await a.storage.counts(), { grants: 0 })
    t.strictSame(a.told, [])
  })

  t.test('GEN-1: issuers that share a database tell of their own grants, and have a week for it', async t => {
    const a = await listening(t)
    const b = await listening(t, {
      storage: a.storage,
      options: { issuer: `${ORIGIN}/b`, prefix: '/b', clock: a.clock }
    })
    await a.client().connect()
    await b.client().connect()
    a.clock.advance(31 * 86_400)
    await a.cleanup()
    t.match([a.told.length, b.told.length], [1, 0])
    await b.cleanup()
    t.match([a.told.length, b.told.length], [1, 1])
    t.equal(b.told[0]?.issuer, `${ORIGIN}/b`)
    t.match(await a.storage.counts(), { grants: 0 })
  })

  t.test('issue 4, grants: one that is revoked after it was found is told as that and nothing else', async t => {
    const { app, client, clock, told, cleanup, storage } = await listening(t, { options: { refreshTokenTtl: 1000 } })
    let revoked = 0
    app.authorizationServer.on('grant.revoked', () => revoked++)
    await client().connect()
    const { list } = storage
    storage.list = async (collection, ...where) => {
      const page = await list(collection, ...where)
      storage.list = list
      // The clock of who revokes is behind that of who cleans up.
      clock.advance(-2)
      await app.authorizationServer.grants.revokeAll({ subject: 'sub-alice' })
      clock.advance(2)
      return page
    }
    clock.advance(1001)
    await cleanup()
    await cleanup()
    t.strictSame([told.length, revoked], [0, 1])
    t.match(await storage.counts(), { grants: 0 })
  })
}

t.test('all of a page at once', async t => testExpiry(t))
t.test('one by one', async t => {
  takes = false
  testExpiry(t)
})

t.test('issue 4, grants: an outage between telling and removing is not told twice', async t => {
  takes = false
  const { client, clock, told, cleanup, storage } = await listening(t)
  await client().authorize()
  clock.advance(901)
  const { removeWhere } = storage
  storage.removeWhere = async (collection, ...where) => {
    if (collection.name === 'grants') throw new UnavailableError('cut')
    return removeWhere(collection, ...where)
  }
  await t.rejects(cleanup(), UnavailableError)
  t.equal(told.length, 1)
  t.match(await storage.counts(), { grants: 1 })
  storage.removeWhere = removeWhere
  await cleanup()
  t.equal(told.length, 1)
  t.match(await storage.counts(), { grants: 0 })
})
