/** Taking over what another system holds. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import type { ImportedConnection } from '../src/index.ts'
import { alice, BINDING, bob, createWorld } from './world.ts'

interface Row {
  readonly user: string
  readonly access: string
  readonly refresh: string | null
  readonly ends: number
}

t.test('feature 67: tokens of another table are used, refreshed and revoked as if they had been got here', async t => {
  const { connections, another, issuer, server, clock } = await createWorld(t)
  // Another system that has connected alice by a client of its own.
  const other = await another({
    servers: { notes: { url: server.resource, allowRawToken: true } },
    storage: memoryStorage()
  })
  const { url } = await other.start(alice, 'notes', { binding: BINDING })
  await other.complete({ params: await walkAuthorization(url), binding: BINDING, owner: alice })
  const clientId = new URL(url).searchParams.get('client_id') ?? ''
  const known = issuer.records.clients.get(clientId)
  const token = await other.rawTokenFor(alice, 'notes')
  const [refresh] = [...issuer.records.refreshTokens.values()].filter(({ spentAt }) => spentAt === null)
  const rows: Row[] = [
    { user: 'alice', access: token, refresh: refresh?.token ?? null, ends: clock.now() + 3600 },
    { user: 'bob', access: 'left out', refresh: null, ends: 0 },
    { user: '', access: token, refresh: null, ends: 0 },
    { user: 'carol', access: 'not\na token', refresh: null, ends: 0 }
  ]
  const map = ({ user, access, refresh, ends }: Row): ImportedConnection | null =>
    user === 'bob'
      ? null
      : {
          owner: { type: 'user', id: user },
          server: 'notes',
          accessToken: access,
          refreshToken: refresh ?? undefined,
          expiresAt: ends,
          issuer: issuer.issuer,
          client: {
            clientId,
            ...(known?.clientSecret == null
              ? {}
              : { clientSecret: known.clientSecret, authMethod: 'client_secret_basic' })
          },
          resource: server.resource
        }
  t.match(await connections.importConnections(rows, map), {
    imported: 1,
    skipped: 1,
    failures: [
      { row: 2, code: 'MCP_OWNER_REQUIRED' },
      { row: 3, code: 'MCP_INVALID_INPUT' }
    ]
  })
  t.match(
    await connections.importConnections(rows.slice(0, 1), map),
    { imported: 0, skipped: 1 },
    'it can be run again'
  )
  const whoami = () => connections.withClient(alice, 'notes', client => client.callTool({ name: 'whoami' }))
  t.match(await whoami(), { content: [{ text: 'alice' }] })
  clock.advance(3700)
  t.match(await whoami(), { content: [{ text: 'alice' }] }, 'refreshed')
  t.equal(issuer.records.clients.size, 1, 'by the client that the tokens were issued to')
  await connections.disconnect(alice, 'notes')
  t.ok([...issuer.records.grants.values()].every(({ endedBy }) => endedBy === 'revocation'))
})

t.test('feature 67: keys of a header come over; what was made here stays', async t => {
  const { connections } = await createWorld(t, { definition: { auth: 'bearer' } })
  await connections.setCredential(bob, 'notes', { secret: 'own' })
  async function* rows() {
    yield ['alice', 'key-of-alice'] as const
    yield ['bob', 'stale'] as const
  }
  const report = await connections.importConnections(rows(), ([id, secret]) => ({
    owner: { type: 'user', id },
    server: 'notes',
    secret
  }))
  t.strictSame(report, { imported: 1, skipped: 1, failures: [] })
  t.match(await connections.status(alice, 'notes'), { status: 'active', kind: 'bearer' })
  await t.rejects(
    connections.importConnections([1], () => Promise.reject(new Error('the mapping is wrong'))),
    { message: 'the mapping is wrong' }
  )
})
