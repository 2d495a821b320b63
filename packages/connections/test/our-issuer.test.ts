/** Connections that nobody has to agree to, at our own authorization server: it and this package have to mean the same by every word. */
import authorizationServer from '@fastify-mcp-auth/authorization-server'
import { type AuthorizationServerEvent, digest } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { assertingIssuer, createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import { createFakeMcpServer } from '@fastify-mcp-auth/testing/servers'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { type AssertionContext, type ConnectionsOptions, createConnections } from '../src/index.ts'
import { alice, bob } from './world.ts'

const SECRET = 'a-secret-that-is-long-enough-to-be-one'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

async function world(t: Test) {
  const clock = settableClock()
  const idp = await createTestIssuer({ clock })
  const keys = await idp.listen()
  const says = assertingIssuer(idp)
  const issuer = `http://127.0.0.1:${await freePort()}`
  const app = Fastify()
  const mcp = await createFakeMcpServer({
    clock,
    behaviour: { authorizationServers: [issuer] },
    async verify(token) {
      try {
        const { subject, claims } = await app.authorizationServer.verifyAccessToken(token, mcp.resource)
        return { subject, scopes: String(claims.scope).split(' '), token }
      } catch {
        return null
      }
    }
  })
  const events: AuthorizationServerEvent[] = []
  await app.register(authorizationServer, {
    issuer,
    storage: memoryStorage(),
    users: {
      current: () => null,
      loginUrl: () => '/login',
      subject: user => String(user),
      find: subject => (['alice', 'bob'].includes(subject) ? subject : null),
      displayName: user => String(user)
    },
    resources: { [mcp.resource]: { name: 'Notes', scopes: { notes: 'Read notes' } } },
    clients: [
      {
        client_id: 'app',
        client_name: 'App',
        client_secret_digest: digest(SECRET),
        grant_types: [JWT_BEARER, 'client_credentials'],
        client_credentials: { [mcp.resource]: ['notes'] }
      }
    ],
    jwtBearer: says.trusted({ [mcp.resource]: ['notes'] }),
    interactionUrl: handle => `/consent/${handle}`,
    rateLimit: false,
    clock,
    onEvent: event => void events.push(event)
  })
  await app.listen({ port: Number(new URL(issuer).port), host: '127.0.0.1' })
  t.teardown(() => Promise.all([app.close(), mcp.close(), keys.close()]))
  const connect = async (
    definition: Omit<NonNullable<ConnectionsOptions['servers']>[string], 'url'>
  ): ReturnType<typeof createConnections> => {
    const connections = await createConnections({
      baseUrl: 'http://127.0.0.1:3000',
      client: { name: 'Test' },
      network: { allowLoopback: true },
      storage: memoryStorage(),
      encryptionKeys: [Buffer.alloc(32, 'k1').toString('base64')],
      limits: false,
      clock,
      servers: { notes: { url: mcp.resource, tools: { syncOnConnect: false }, ...definition } }
    })
    t.teardown(() => connections.close())
    return connections
  }
  const idJag = ({ owner, audience, resource, scopes }: AssertionContext) =>
    says.idJag({ subject: owner?.id ?? '', audience, clientId: 'app', resource, scopes })
  const types = () => events.splice(0).flatMap(({ type }) => (/assertion|issued/.test(type) ? [type] : []))
  return { app, clock, idp, says, issuer, mcp, connect, idJag, types }
}

const whoami = async (connections: Awaited<ReturnType<typeof createConnections>>, owner: typeof alice | null) => {
  const answer = await connections.withClient(owner, 'notes', client => client.callTool({ name: 'whoami' }))
  return (answer.content as { text: string }[])[0]?.text
}

t.test('EM-4, EM-15: id_jag at our own server: each person as themselves, again when it ends, and no page', async t => {
  const { app, clock, issuer, connect, idJag, types } = await world(t)
  const client = { issuer, clientId: 'app', clientSecret: SECRET }
  const connections = await connect({ auth: 'id_jag', oauth: { client, assertion: idJag } })
  t.equal(await whoami(connections, alice), 'alice')
  t.equal(await whoami(connections, bob), 'bob')
  clock.advance(3600)
  t.equal(await whoami(connections, alice), 'alice')
  t.strictSame(types(), Array(3).fill(['assertion.accepted', 'token.issued']).flat())
  const { grants } = await app.authorizationServer.grants.list('alice')
  t.match(grants, [{ clientId: 'app', subject: 'alice', scopes: ['notes'] }])
})

t.test('EM-7, EM-10: what our server refuses, the connection says, asks for once, and tries nothing else', async t => {
  const { clock, issuer, connect, idp, idJag, types } = await world(t)
  const client = { issuer, clientId: 'app', clientSecret: SECRET }
  const stranger = await connect({
    auth: 'id_jag',
    oauth: { client, assertion: context => idJag({ ...context, owner: { type: 'user', id: 'mallory' } }) }
  })
  await t.rejects(whoami(stranger, alice), { code: 'MCP_CLIENT_REJECTED', reason: 'invalid_grant' })
  t.strictSame(types(), ['assertion.refused'])
  idp.outage = true
  const early = await connect({ auth: 'id_jag', oauth: { client, assertion: idJag } })
  // The keys are known since the first one: what is not known is a new key.
  await idp.rotate()
  clock.advance(31)
  await t.rejects(whoami(early, alice), { code: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE' })
})

t.test('WI-1, WI-2: jwt_bearer at our own server: a workload without client_id, in its own name', async t => {
  const { clock, connect, says, types } = await world(t)
  const connections = await connect({
    auth: 'jwt_bearer',
    mode: 'shared',
    oauth: { assertion: ({ audience }) => says.workload({ audience }) }
  })
  t.equal(await whoami(connections, null), 'nightly')
  clock.advance(3600)
  t.equal(await whoami(connections, null), 'nightly')
  t.strictSame(types(), Array(2).fill(['assertion.accepted', 'token.issued']).flat())
  const other = await connect({
    auth: 'jwt_bearer',
    mode: 'shared',
    oauth: { assertion: ({ audience }) => says.workload({ audience, subject: 'other@jobs' }) }
  })
  await t.rejects(whoami(other, null), { code: 'MCP_CLIENT_REJECTED', reason: 'invalid_grant' })
  t.strictSame(types(), ['assertion.refused'])
})

t.test('CC-1: client_credentials at our own server', async t => {
  const { issuer, connect } = await world(t)
  const client = { issuer, clientId: 'app', clientSecret: SECRET }
  t.equal(await whoami(await connect({ auth: 'client_credentials', mode: 'shared', oauth: { client } }), null), 'app')
})
