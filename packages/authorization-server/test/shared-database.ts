/** Many servers on one database: what holds for one of them holds for all of them together. */
import { randomBytes } from 'node:crypto'
import { digest } from '@fastify-mcp-auth/core'
import { type SqlStorageOptions, sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { assertingIssuer, createTestIssuer } from '@fastify-mcp-auth/testing'
import type { Test } from 'tap'
import { JWT_BEARER } from '../src/assertions/trusted-issuers.ts'
import { createSigner } from './clients/signer.ts'
import { enterCode, poll, post, startDevice, TV } from './devices.ts'
import {
  type BuildOptions,
  buildServer,
  modelOf,
  ORIGIN,
  openSignedIn,
  RESOURCE,
  RESOURCES,
  refusalOf
} from './fixture.ts'
import { observableStorage } from './observable-storage.ts'

const SERVERS = 10

const notes = RESOURCES[RESOURCE] ?? never()

/** Where the servers of one test meet. */
export type Place = (t: Test) => SqlStorageOptions

/** Servers that boot at the same moment on an empty database, each with connections of its own. */
async function fleet(t: Test, place: Place, more: BuildOptions['options'] = {}, build: BuildOptions = {}) {
  const where = place(t)
  const options = { encryptionKeys: [randomBytes(32).toString('base64')], ...more }
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, async () => {
      const storage = sqlStorage({ poolSize: 2, ...where })
      t.teardown(() => storage.close())
      return buildServer(t, { ...build, storage: observableStorage(storage), options })
    })
  )
  const [first] = servers
  if (!first) throw new Error('no servers')
  const client = first.client()
  const { clientId } = await client.credentials()
  const clients = servers.map(server => server.client({ clientId }))
  return { servers, first, client, clients }
}

/** @param place where the ten servers of a test meet; empty for each test */
export async function sharedDatabaseSuite(t: Test, place: Place): Promise<void> {
  await t.test('openauth 323: ten servers that boot together on one empty database publish one key', async t => {
    const { servers } = await fleet(t, place)
    const sets = await Promise.all(servers.map(({ app }) => app.inject('/.well-known/jwks.json')))
    t.equal(new Set(sets.map(({ body }) => body)).size, 1)
    t.equal(sets[0]?.json().keys.length, 1)
  })

  await t.test(
    'GEN-4: 40 redemptions of one code at ten servers: one is answered with tokens, none with a fault',
    async t => {
      const { client, clients, first } = await fleet(t, place)
      const answer = await client.authorize()
      const responses = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (clients[i % SERVERS] ?? client).redeem(answer))
      )
      const statuses = responses.map(({ statusCode }) => statusCode)
      t.equal(statuses.filter(status => status === 200).length, 1)
      t.equal(statuses.filter(status => status === 400).length, 39)
      t.strictSame((await first.app.authorizationServer.grants.list('sub-alice')).grants, [])
    }
  )

  await t.test('EM-10: one assertion 40 times at ten servers buys one token', async t => {
    const idp = await createTestIssuer({ clock: { now: () => first.clock.now() } })
    const jwks = (await idp.jwks()) as { keys: Record<string, unknown>[] }
    const { first, servers } = await fleet(t, place, {
      clients: [
        { client_id: 'agent', client_name: 'Agent', client_secret_digest: digest('s3cret'), grant_types: [JWT_BEARER] }
      ],
      jwtBearer: { identityProviders: [{ issuer: idp.issuer, jwks, user: ({ sub }) => ({ user: sub }) }] }
    })
    const about = { subject: 'alice', audience: ORIGIN, clientId: 'agent', resource: RESOURCE }
    const assertion = await assertingIssuer(idp).idJag(about)
    const form = { grant_type: JWT_BEARER, client_id: 'agent', client_secret: 's3cret', assertion }
    const responses = await Promise.all(
      Array.from({ length: 40 }, (_, i) => post(servers[i % SERVERS] ?? first, 'token', form))
    )
    const statuses = responses.map(({ statusCode }) => statusCode)
    t.equal(statuses.filter(status => status === 200).length, 1)
    t.equal(statuses.filter(status => status === 400).length, 39)
    t.equal((await first.app.authorizationServer.grants.list('sub-alice')).grants.length, 1)
  })

  await t.test(
    'RFC 8628 3.5: 40 polls of one device at ten servers: one gets tokens; before that one is too many, wherever it comes',
    async t => {
      const { first, servers } = await fleet(t, place, { deviceAuthorization: {}, clients: [TV] })
      const device = await startDevice(first)
      const pollAll = (times: number) =>
        Promise.all(Array.from({ length: times }, (_, i) => poll(servers[i % SERVERS] ?? first, device)))
      const early = (await pollAll(SERVERS)).map(response => response.json().error)
      t.strictSame(early.toSorted(), ['authorization_pending', ...Array(SERVERS - 1).fill('slow_down')])
      first.clock.advance(3)
      servers[1]?.clock.advance(3)
      t.equal((await poll(servers[1] ?? first, device)).json().error, 'slow_down', 'asked somewhere else before')
      servers[2]?.clock.advance(11)
      t.equal((await poll(servers[2] ?? first, device)).json().error, 'slow_down', 'slower everywhere')
      const people = ['alice', 'mallory'].map((username, i) => (servers[i] ?? first).client({ username }))
      const pages = await Promise.all(people.map(person => enterCode(person, device.user_code)))
      const ends = await Promise.all(people.map((person, i) => person.decide(pages[i] ?? never())))
      t.strictSame(ends.map(({ statusCode }) => statusCode).toSorted(), [200, 409])
      const statuses = (await pollAll(40)).map(({ statusCode }) => statusCode)
      t.equal(statuses.filter(status => status === 200).length, 1)
      t.equal(statuses.filter(status => status === 400).length, 39)
    }
  )

  await t.test(
    'CC-6: one assertion at ten servers buys one token of the client itself; taken back at one, it is good at none',
    async t => {
      let now = (): number => 0
      const signer = await createSigner(
        () => 'job',
        () => now()
      )
      const job = { client_id: 'job', client_name: 'Job', jwks: { keys: [signer.jwk] } }
      const { first, servers } = await fleet(
        t,
        place,
        { clients: [{ ...job, client_credentials: { [RESOURCE]: ['notes:read'] } }] },
        { users: { find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null) } }
      )
      now = first.clock.now
      const { client_assertion, client_assertion_type } = await signer.proof()
      const form = {
        grant_type: 'client_credentials',
        client_assertion: String(client_assertion),
        client_assertion_type: String(client_assertion_type)
      }
      const responses = await Promise.all(
        Array.from({ length: 20 }, (_, i) => post(servers[i % SERVERS] ?? first, 'token', form))
      )
      const good = responses.filter(({ statusCode }) => statusCode === 200)
      t.equal(good.length, 1)
      t.equal(responses.filter(({ statusCode }) => statusCode === 401).length, 19)
      const { access_token: token = '' } = good[0]?.json<{ access_token: string }>() ?? {}
      const verify = () =>
        Promise.all(servers.map(({ app }) => refusalOf(app.authorizationServer.verifyAccessToken(token, RESOURCE))))
      t.strictSame(await verify(), Array(SERVERS).fill('accepted'))
      t.equal(await servers[3]?.app.authorizationServer.grants.revokeAll({ clientId: 'job' }), 1)
      t.strictSame(await verify(), Array(SERVERS).fill('grant_revoked'))
    }
  )

  await t.test(
    'RFC 7009 2.1: tokens that ten servers make for a client while it is removed at one end with it',
    async t => {
      const { servers, first } = await fleet(
        t,
        place,
        {},
        { users: { find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null) } }
      )
      const { clients, verifyAccessToken } = first.app.authorizationServer
      for (let round = 0; round < 5; round++) {
        const { clientId, clientSecret } = await clients.register(
          { client_name: 'Job', grant_types: ['client_credentials'] },
          { clientCredentials: { [RESOURCE]: ['notes:read'] } }
        )
        const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret ?? '' }
        const tokens: string[] = []
        const removals: Promise<boolean>[] = []
        const program = async (server: (typeof servers)[number]): Promise<void> => {
          for (let error = ''; error !== 'invalid_client'; ) {
            const answer = (await post(server, 'token', form)).json<{ access_token?: string; error?: string }>()
            if (answer.access_token !== undefined) tokens.push(answer.access_token)
            if (tokens.length === SERVERS) removals.push(clients.remove(clientId))
            error = answer.error ?? ''
          }
        }
        await Promise.all(servers.map(program))
        t.ok((await Promise.all(removals)).includes(true))
        const verdicts = await Promise.all(tokens.map(token => refusalOf(verifyAccessToken(token, RESOURCE))))
        t.strictSame(new Set(verdicts), new Set(['grant_revoked']))
      }
    }
  )

  await t.test(
    'TK-2: ten refreshes at ten servers get one response; a reuse at one of them ends the grant at all',
    async t => {
      const { client, clients, servers } = await fleet(t, place)
      const { refresh_token: token = '' } = await client.connect()
      const responses = await Promise.all(clients.map(one => one.refresh(token)))
      t.strictSame(
        responses.map(({ statusCode }) => statusCode),
        Array(SERVERS).fill(200)
      )
      t.equal(new Set(responses.map(({ body }) => body)).size, 1)
      const next = responses[0]?.json<{ access_token: string; refresh_token: string }>()
      for (const { app } of servers)
        t.equal(
          await refusalOf(app.authorizationServer.verifyAccessToken(next?.access_token ?? '', RESOURCE)),
          'accepted'
        )
      t.equal((await clients[3]?.refresh(next?.refresh_token ?? ''))?.statusCode, 200)
      t.equal((await clients[4]?.refresh(token))?.statusCode, 400)
      for (const { app } of servers)
        t.equal(
          await refusalOf(app.authorizationServer.verifyAccessToken(next?.access_token ?? '', RESOURCE)),
          'grant_revoked'
        )
    }
  )

  await t.test('RFC 7523 3: one assertion at ten servers authenticates once', async t => {
    const { first, servers } = await fleet(t, place)
    let clientId = ''
    const signer = await createSigner(() => clientId, first.clock.now)
    const registering = first.client()
    const metadata = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [signer.jwk] } }
    clientId = (await registering.register(metadata)).json<{ client_id: string }>().client_id
    const proof = await signer.proof()
    const answers = await Promise.all(servers.map(server => server.client({ clientId }).refresh('x', proof)))
    const errors = answers.map(response => response.json<{ error: string }>().error)
    t.equal(errors.filter(error => error === 'invalid_grant').length, 1)
    t.equal(errors.filter(error => error === 'invalid_client').length, SERVERS - 1)
  })

  await t.test('opaque access tokens: what one server issued, all know, until it is revoked at any', async t => {
    const resources = { [RESOURCE]: { ...notes, accessToken: { format: 'opaque' as const } } }
    const props = { users: { props: () => ({ upstream: 'secret '.repeat(200) }) } }
    const { client, clients, servers } = await fleet(t, place, { resources }, props)
    const { access_token: token, refresh_token: refresh = '' } = await client.connect()
    for (const { app } of servers) {
      const { props } = await app.authorizationServer.verifyAccessToken(token, RESOURCE)
      t.match(props, { upstream: /^secret/ })
    }
    t.equal((await clients[5]?.revoke(refresh))?.statusCode, 200)
    for (const { app } of servers)
      t.equal(await refusalOf(app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'grant_revoked')
  })

  await t.test('RFC 9126 4: of ten visits to one pushed request at ten servers one is taken', async t => {
    const { first, servers, client } = await fleet(t, place)
    const { searchParams } = new URL((await client.start()).url)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const pushed = await first.app.inject({ method: 'POST', url: '/oauth/par', headers, payload: `${searchParams}` })
    const query = new URLSearchParams({
      client_id: searchParams.get('client_id') ?? '',
      request_uri: pushed.json<{ request_uri: string }>().request_uri
    })
    const visits = await Promise.all(servers.map(({ app }) => app.inject(`/oauth/authorize?${query}`)))
    t.equal(visits.filter(({ statusCode }) => statusCode === 303).length, 1)
  })

  await t.test('remembered consent: allowed at one server, not asked at another, forgotten with the grant', async t => {
    const web = 'https://app.example/cb'
    const { servers } = await fleet(t, place, {
      clients: [{ client_id: 'web', client_name: 'Wëb 🕸', redirect_uris: [web] }]
    })
    const at = (i: number) => servers[i]?.client({ clientId: 'web', redirectUri: web, username: 'älice' }) ?? never()
    const isAsked = async (i: number): Promise<boolean> => {
      const client = at(i)
      const page = await openSignedIn(client, (await client.start()).url)
      return page.leavesTo === null && modelOf(page).client.name === 'Wëb 🕸'
    }
    t.equal(await isAsked(0), true)
    const { refresh_token: token = '' } = await at(1).connect()
    t.equal(await isAsked(2), false)
    t.equal((await at(3).revoke(token)).statusCode, 200)
    t.equal(await isAsked(4), true)
  })

  await t.test('clients: registered at one server, managed at another, gone at all', async t => {
    const { first, servers, client } = await fleet(t, place)
    const { clientId } = await client.credentials()
    const { refresh_token: token = '' } = await client.connect()
    const listed = await servers[1]?.app.authorizationServer.clients.list()
    t.strictSame(listed?.clients.map(one => one.clientId).includes(clientId), true)
    t.equal(await servers[2]?.app.authorizationServer.clients.remove(clientId), true)
    for (const { app } of servers) t.equal(await app.authorizationServer.clients.get(clientId), null)
    t.equal((await client.refresh(token)).statusCode, 401)
    t.strictSame((await first.app.authorizationServer.grants.list('sub-alice')).grants, [])
  })

  await t.test('RFC 6749 A.1: a client_id that no database can hold is unknown, not an outage', async t => {
    const { first } = await fleet(t, place)
    for (const clientId of ['a\u0000b', '\ud800', '😀', 'x'.repeat(255), "' or 1=1", '%', 'A\u0301'])
      for (const url of ['/oauth/token', '/oauth/revoke']) {
        const response = await first.app.inject({
          method: 'POST',
          url,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          payload: new URLSearchParams({
            grant_type: 'refresh_token',
            refresh_token: 'x',
            client_id: clientId
          }).toString()
        })
        t.match(response.json().error, /^invalid_(client|request)$/, JSON.stringify(clientId))
        const query = new URLSearchParams({ client_id: clientId, response_type: 'code' })
        t.equal((await first.app.inject(`${ORIGIN}/oauth/authorize?${query}`)).statusCode, 400)
      }
  })

  await t.test('cleanup at ten servers at once removes what expired, once, and nothing else', async t => {
    const { client, servers } = await fleet(t, place)
    await client.authorize()
    const { refresh_token: token = '' } = await client.connect()
    for (const { clock } of servers) clock.advance(7200)
    const removed = await Promise.all(servers.map(({ app }) => app.authorizationServer.cleanup()))
    t.equal(
      removed.reduce((sum, count) => sum + count, 0),
      3,
      'two interactions and the grant that was not redeemed'
    )
    t.equal((await client.refresh(token)).statusCode, 200)
  })
}

function never(): never {
  throw new Error('not there')
}
