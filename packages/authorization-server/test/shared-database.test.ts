/** Many servers on one database: what holds for one of them holds for all of them together. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import t, { type Test } from 'tap'
import { createSigner } from './clients/signer.ts'
import { buildServer, RESOURCE, refusalOf } from './fixture.ts'
import { observableStorage } from './observable-storage.ts'

const SERVERS = 10

/** Servers that boot at the same moment on an empty file, each with a connection of its own. */
async function fleet(t: Test) {
  const url = join(t.testdir(), 'auth.db')
  const options = { encryptionKeys: [randomBytes(32).toString('base64')] }
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, async () => {
      const storage = sqlStorage({ url })
      t.teardown(() => storage.close())
      return buildServer(t, { storage: observableStorage(storage), options })
    })
  )
  const [first] = servers
  if (!first) throw new Error('no servers')
  const client = first.client()
  const { clientId } = await client.credentials()
  const clients = servers.map(server => server.client({ clientId }))
  return { servers, first, client, clients }
}

t.test('openauth 323: ten servers that boot together on one empty database publish one key', async t => {
  const { servers } = await fleet(t)
  const sets = await Promise.all(servers.map(({ app }) => app.inject('/.well-known/jwks.json')))
  t.equal(new Set(sets.map(({ body }) => body)).size, 1)
  t.equal(sets[0]?.json().keys.length, 1)
})

t.test('GEN-4: 40 redemptions of one code at ten servers: one is answered with tokens, none with a fault', async t => {
  const { client, clients, first } = await fleet(t)
  const answer = await client.authorize()
  const responses = await Promise.all(
    Array.from({ length: 40 }, (_, i) => (clients[i % SERVERS] ?? client).redeem(answer))
  )
  const statuses = responses.map(({ statusCode }) => statusCode)
  t.equal(statuses.filter(status => status === 200).length, 1)
  t.equal(statuses.filter(status => status === 400).length, 39)
  t.strictSame((await first.app.authorizationServer.grants.list('sub-alice')).grants, [])
})

t.test('TK-2: ten refreshes at ten servers get one response; a reuse at one of them ends the grant at all', async t => {
  const { client, clients, servers } = await fleet(t)
  const { refresh_token: token = '' } = await client.connect()
  const responses = await Promise.all(clients.map(one => one.refresh(token)))
  t.strictSame(
    responses.map(({ statusCode }) => statusCode),
    Array(SERVERS).fill(200)
  )
  t.equal(new Set(responses.map(({ body }) => body)).size, 1)
  const next = responses[0]?.json<{ access_token: string; refresh_token: string }>()
  for (const { app } of servers)
    t.equal(await refusalOf(app.authorizationServer.verifyAccessToken(next?.access_token ?? '', RESOURCE)), 'accepted')
  t.equal((await clients[3]?.refresh(next?.refresh_token ?? ''))?.statusCode, 200)
  t.equal((await clients[4]?.refresh(token))?.statusCode, 400)
  for (const { app } of servers)
    t.equal(
      await refusalOf(app.authorizationServer.verifyAccessToken(next?.access_token ?? '', RESOURCE)),
      'grant_revoked'
    )
})

t.test('RFC 7523 3: one assertion at ten servers authenticates once', async t => {
  const { first, servers } = await fleet(t)
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
