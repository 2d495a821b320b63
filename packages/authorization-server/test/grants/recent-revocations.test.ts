/** A token without a code is a grant only from the moment when it is issued: what is revoked at that very moment is revoked all the same. */
import { digest, type GrantCriteria } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { lastRevocation } from '../../src/grants/recent-revocations.ts'
import { buildDeviceServer, enterCode, poll, post, startDevice } from '../devices.ts'
import { buildServer, openSignedIn, RESOURCE, recordsOf, refusalOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'
import { type Asserting, build, JWT_BEARER, SECRET } from './asserting.ts'

const AGENT = { client_name: 'Agent', client_secret_digest: digest(SECRET) }
const clients = [
  { ...AGENT, client_id: 'agent', grant_types: [JWT_BEARER] },
  { ...AGENT, client_id: 'job', client_credentials: { [RESOURCE]: ['notes:read'] } }
]
const users = { organizations: () => [{ id: 'acme', name: 'Acme' }] }
const world = (t: Test) => build(t, { options: { clients }, users })

/** Each way to a token that is a grant by itself. */
const WAYS = {
  client_credentials: (server: Asserting) =>
    post(server, 'token', { grant_type: 'client_credentials', client_id: 'job', client_secret: SECRET }),
  'an assertion for a workload': async (server: Asserting) => server.alone(await server.workload()),
  'an assertion for a person': async (server: Asserting) => server.ask(await server.idJag())
}
type Way = keyof typeof WAYS

const live = async (server: Pick<Asserting, 'storage'>, subject: string) =>
  (await recordsOf(server).grants.list('subject', subject)).records.filter(({ record }) => record.revokedAt === null)
const typesOf = ({ events }: Asserting) => events.map(({ type }) => type)

for (const [way, subject, criteria] of [
  ['client_credentials', 'job', { clientId: 'job' }],
  ['client_credentials', 'job', { subject: 'job' }],
  ['an assertion for a workload', 'nightly', { clientId: 'nightly' }],
  ['an assertion for a person', 'sub-alice', { subject: 'sub-alice' }],
  ['an assertion for a person', 'sub-alice', { clientId: 'agent' }],
  ['an assertion for a person', 'sub-alice', { organization: 'acme' }],
  ['an assertion for a person', 'sub-alice', { subject: 'sub-alice', clientId: 'agent', organization: 'acme' }]
] as const)
  t.test(`RFC 7009 2.1: a token for ${way} does not escape ${JSON.stringify(criteria)}`, async t => {
    const server = await world(t)
    const { grants } = server.app.authorizationServer
    server.storage.beforeNextInsert('grants', async () => void (await grants.revokeAll(criteria)))
    const answer = await WAYS[way](server)
    matchesOAuthError(t, answer, 'temporarily_unavailable')
    t.equal(answer.headers['retry-after'], '1')
    t.notMatch(answer.body, 'access_token')
    t.strictSame(await live(server, subject), [])
    t.match(server.events.at(-1), { type: way.includes('assertion') ? 'assertion.refused' : 'grant.revoked' })
    t.match(
      server.events.filter(({ type }) => type === 'grant.revoked'),
      [{ reason: 'access_withdrawn', subject }]
    )
    t.notOk(typesOf(server).includes('token.issued'))
    t.equal((await WAYS[way](server)).statusCode, 200, 'who may still have it asks again')
  })

for (const [way, subject, criteria] of [
  ['client_credentials', 'job', { clientId: 'agent' }],
  ['client_credentials', 'job', { organization: 'acme' }],
  ['an assertion for a workload', 'nightly', { subject: 'sub-alice' }],
  ['an assertion for a person', 'sub-alice', { subject: 'sub-bob' }],
  ['an assertion for a person', 'sub-alice', { subject: 'sub-alice', clientId: 'job' }]
] as const)
  t.test(`a token for ${way} is nothing to ${JSON.stringify(criteria)}`, async t => {
    const server = await world(t)
    const { grants } = server.app.authorizationServer
    server.storage.beforeNextInsert('grants', async () => void (await grants.revokeAll(criteria)))
    t.equal((await WAYS[way](server)).statusCode, 200)
    t.equal((await live(server, subject)).length, 1)
  })

t.test('what was revoked before a request has nothing to do with it', async t => {
  const server = await world(t)
  for (const way of Object.keys(WAYS) as Way[]) {
    await server.app.authorizationServer.grants.revokeAll({ clientId: 'job' })
    await server.app.authorizationServer.grants.revokeAll({ subject: 'sub-alice' })
    t.equal((await WAYS[way](server)).statusCode, 200, way)
  }
})

t.test(
  'a secret that is taken away, and then what was had with it: nothing is left, wherever the request was',
  async t => {
    const server = await world(t)
    const { clients: stored, grants, verifyAccessToken } = server.app.authorizationServer
    const metadata = { client_name: 'Robot', grant_types: ['client_credentials'] }
    const access = { clientCredentials: { [RESOURCE]: ['notes:read'] } }
    const { storage } = server
    const verbs = { get: storage.get, insert: storage.insert }
    // Just after each step that the request takes in the storage.
    for (let step = 1; step <= 4; step++) {
      const { clientId, clientSecret } = await stored.register(metadata, access)
      const secretId = (await stored.get(clientId))?.secrets[0]?.secretId ?? ''
      let steps = 0
      const after = async <T>(done: Promise<T>): Promise<T> => {
        const result = await done
        if (++steps === step) {
          Object.assign(storage, verbs)
          await stored.removeSecret(clientId, secretId)
          await grants.revokeAll({ clientId })
        }
        return result
      }
      storage.get = (...call) => after(verbs.get(...call))
      storage.insert = (...call) => after(verbs.insert(...call))
      const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret ?? '' }
      const answer = await post(server, 'token', form)
      Object.assign(storage, verbs)
      t.strictSame(await live(server, clientId), [], `after step ${step}, which was answered with ${answer.statusCode}`)
      const { access_token: token } = answer.json<{ access_token?: string }>()
      if (token !== undefined) t.equal(await refusalOf(verifyAccessToken(token, RESOURCE)), 'grant_revoked')
      t.equal(steps, step, 'it came so far')
    }
  }
)

t.test('of several in one request one is enough, and those before it do not count', async t => {
  const server = await world(t)
  const { grants } = server.app.authorizationServer
  const meanwhile = async (...criteria: GrantCriteria[]) => {
    server.storage.beforeNextInsert('grants', async () => {
      for (const one of criteria) await grants.revokeAll(one)
    })
    return (await WAYS.client_credentials(server)).statusCode
  }
  t.equal((await WAYS.client_credentials(server)).statusCode, 200, 'nothing was ever revoked')
  await grants.revokeAll({ clientId: 'job' })
  await grants.revokeAll({ clientId: 'job' })
  await grants.revokeAll({ clientId: 'agent' })
  t.equal(await meanwhile({ clientId: 'agent' }), 200)
  for (const criteria of [
    [{ clientId: 'job' }, { clientId: 'agent' }],
    [{ clientId: 'agent' }, { clientId: 'job' }]
  ])
    t.equal(await meanwhile(...criteria), 503, JSON.stringify(criteria))
})

t.test('nothing outlives a client that is removed while its token is made', async t => {
  const server = await world(t)
  const { clients: stored } = server.app.authorizationServer
  const { clientId, clientSecret } = await stored.register(
    { client_name: 'Robot', grant_types: ['client_credentials'] },
    { clientCredentials: { [RESOURCE]: ['notes:read'] } }
  )
  server.storage.beforeNextInsert('grants', async () => void (await stored.remove(clientId)))
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret ?? '' }
  matchesOAuthError(t, await post(server, 'token', form), 'temporarily_unavailable')
  t.strictSame(await live(server, clientId), [])
  matchesOAuthError(t, await post(server, 'token', form), 'invalid_client')
})

t.test(
  'uploads 890: a person who is shut out, and then what they allowed: nothing is left, wherever the decision was',
  async t => {
    for (const [device, before] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true]
    ]) {
      let isShutOut = false
      const server = await buildDeviceServer(t, {
        users: {
          current: () => (isShutOut ? null : { user: 'alice', authTime: server.clock.now() })
        }
      })
      const { grants } = server.app.authorizationServer
      const { storage } = server
      const verbs = { get: storage.get, insert: storage.insert, update: storage.update }
      const person = server.client()
      await person.credentials()
      const steps: number[] = []
      for (let step = 1; steps.at(-1) === undefined || (steps.at(-1) ?? 0) >= step - 1; step++) {
        isShutOut = false
        const asked = device ? await startDevice(server) : null
        const page = asked
          ? await enterCode(person, asked.user_code)
          : await person.browser.open((await person.start()).url)
        let taken = 0
        const shutOut = async (): Promise<void> => {
          isShutOut = true
          await grants.revokeAll({ subject: 'sub-alice' })
        }
        const around = async <T>(verb: () => Promise<T>): Promise<T> => {
          const isNow = ++taken === step
          if (isNow && before) await shutOut()
          const result = await verb()
          if (isNow && !before) await shutOut()
          return result
        }
        storage.get = (...call) => around(() => verbs.get(...call))
        storage.insert = (...call) => around(() => verbs.insert(...call))
        storage.update = (...call) => around(() => verbs.update(...call))
        const answer = await person.decide(page)
        Object.assign(storage, verbs)
        steps.push(taken)
        if (taken < step) break
        t.strictSame(await live(server, 'sub-alice'), [], `step ${step}, answered with ${answer.statusCode}`)
        t.equal((await storage.counts())['consents'] ?? 0, 0)
        if (asked) t.not((await poll(server, asked)).statusCode, 200)
      }
      t.ok(steps.length > 7, `${steps.length} steps`)
      isShutOut = false
      await grants.revokeAll({ subject: 'sub-alice' })
      t.ok((await person.connect()).access_token, 'who is let in again may allow again')
    }
  }
)

t.test('what is taken from others at that moment is nothing to a decision', async t => {
  const server = await buildDeviceServer(t)
  const { grants } = server.app.authorizationServer
  const person = server.client()
  for (const criteria of [{ subject: 'sub-bob' }, { clientId: 'tv' }, { organization: 'acme' }]) {
    server.storage.beforeNextInsert('grants', async () => void (await grants.revokeAll(criteria)))
    t.ok((await person.connect()).access_token)
  }
})

t.test('more revocations in one request than are kept: it is refused, whomever they were about', async t => {
  for (const [isFirst, times, statusCode] of [
    [false, 31, 200],
    [false, 32, 503],
    [true, 31, 200],
    [true, 32, 503],
    [true, 40, 503]
  ] as const) {
    const server = await world(t)
    const { grants } = server.app.authorizationServer
    if (!isFirst) await grants.revokeAll({ subject: 'somebody' })
    server.storage.beforeNextInsert('grants', async () => {
      for (let i = 0; i < times; i++) await grants.revokeAll({ subject: `somebody ${i}` })
    })
    t.equal(
      (await WAYS.client_credentials(server)).statusCode,
      statusCode,
      `${times}${isFirst ? ', the first in a long time' : ''}`
    )
    t.equal((await live(server, 'job')).length, statusCode === 200 ? 1 : 0)
    t.equal((await WAYS.client_credentials(server)).statusCode, 200)
  }
})

t.test('uploads 890: nor does a decision get past a revocation that others have pushed out meanwhile', async t => {
  const server = await buildDeviceServer(t)
  const { grants } = server.app.authorizationServer
  server.storage.beforeNextInsert('grants', async () => {
    await grants.revokeAll({ subject: 'sub-alice' })
    for (let i = 0; i < 32; i++) await grants.revokeAll({ subject: `somebody ${i}` })
  })
  const person = server.client()
  const answer = await person.decide(await openSignedIn(person, (await person.start()).url))
  t.equal(answer.statusCode, 409)
  t.strictSame(await live(server, 'sub-alice'), [])
})

t.test(
  'of many revocations at the same moment, in two processes, none is lost, and they do not fight each other',
  async t => {
    const storage = observableStorage()
    const encryptionKeys = [Buffer.alloc(32, 'k1').toString('base64')]
    const process = () => buildServer(t, { storage, options: { encryptionKeys } })
    const [one, two] = [await process(), await process()]
    const { update } = storage
    let writes = 0
    storage.update = (collection, ...call) => {
      if (collection.name === 'recent_revocations') writes++
      return update(collection, ...call)
    }
    const revokeAll = (count: number) => {
      const criteria = Array.from({ length: count }, (_, i): GrantCriteria => ({ subject: `somebody ${i}` }))
      return Promise.all(criteria.map((each, i) => (i % 2 ? one : two).app.authorizationServer.grants.revokeAll(each)))
    }
    await revokeAll(32)
    const record = await recordsOf(one).recentRevocations.get('all')
    t.strictSame(
      record?.revocations.map(({ subject }) => subject).toSorted(),
      Array.from({ length: 32 }, (_, i) => `somebody ${i}`).toSorted()
    )
    writes = 0
    await revokeAll(500)
    t.ok(writes <= 1000, `${writes} writes for 500`)
  }
)

t.test('what one revocation could not write down keeps no other from it', async t => {
  const server = await world(t)
  const { grants } = server.app.authorizationServer
  server.storage.failNextInsert('recent_revocations')
  const [first, second] = await Promise.allSettled([
    grants.revokeAll({ subject: 'sub-alice' }),
    grants.revokeAll({ clientId: 'job' })
  ])
  t.strictSame([first.status, second.status], ['rejected', 'fulfilled'])
})

t.test('an hour later who was meant is forgotten', async t => {
  const server = await world(t)
  const { grants, cleanup } = server.app.authorizationServer
  await grants.revokeAll({ subject: 'sub-alice' })
  t.match(await server.storage.dump(), 'sub-alice')
  server.clock.advance(3600)
  await cleanup()
  t.match(await server.storage.dump(), 'sub-alice', 'not before')
  server.clock.advance(1)
  await cleanup()
  t.notMatch(await server.storage.dump(), 'sub-alice')
  t.equal(await lastRevocation({ records: recordsOf(server) } as never), null)
})
