/** Becoming a client before anybody connects. */
import t from 'tap'
import { alice, BINDING, createWorld } from './world.ts'

t.test(
  'feature 32: discovered and registered ahead, once for all processes, and the first sign-in uses it',
  async t => {
    const world = await createWorld(t)
    const { connections, issuer, server, events } = world
    const other = await world.another()
    const prepared = await Promise.all([connections, other, connections, other].map(each => each.prepare('notes')))
    t.equal(issuer.count('register'), 1)
    t.match(prepared[0], {
      issuer: issuer.issuer,
      resource: server.resource,
      clientId: String,
      registration: 'dynamic'
    })
    t.strictSame(new Set(prepared.map(({ clientId }) => clientId)).size, 1)
    const created = events.filter(({ type }) => type === 'registration.created')
    t.match(
      created,
      [{ server: 'notes', owner: null, clientId: prepared[0]?.clientId }],
      'an event that is about nobody'
    )
    const { url } = await connections.start(alice, 'notes', { binding: BINDING })
    t.equal(new URL(url).searchParams.get('client_id'), prepared[0]?.clientId)
    t.equal(issuer.count('register'), 1)
  }
)

t.test('feature 32: nothing is registered where nobody could sign in', async t => {
  const { connections, issuer, another, server } = await createWorld(t)
  issuer.behaviour.metadata = { code_challenge_methods_supported: ['plain'] }
  await t.rejects(connections.prepare('notes'), { code: 'MCP_PKCE_UNSUPPORTED' })
  issuer.behaviour.metadata = { authorization_endpoint: undefined }
  await t.rejects(connections.prepare('notes'), { code: 'MCP_DISCOVERY_FAILED' })
  issuer.behaviour.metadata = {}
  await connections.blockIssuer(issuer.issuer)
  await t.rejects(connections.prepare('notes'), { code: 'MCP_URL_BLOCKED', reason: 'issuer_blocked' })
  await connections.unblockIssuer(issuer.issuer)
  const bearer = await another({ servers: { notes: { url: server.resource, auth: 'bearer' } } })
  await t.rejects(bearer.prepare('notes'), { code: 'MCP_NOT_ALLOWED' })
  await t.rejects(connections.prepare('unknown'), { code: 'MCP_UNKNOWN_SERVER' })
  t.equal(issuer.count('register'), 0)
})

t.test('feature 32: a server where clients are registered by hand says so', async t => {
  const { connections, issuer, another, server } = await createWorld(t, {
    issuer: { behaviour: { registration: 'closed' } }
  })
  await t.rejects(connections.prepare('notes'), { code: 'MCP_REGISTRATION_FAILED', reason: 'manual' })
  const client = { issuer: issuer.issuer, clientId: 'by-hand' }
  const known = await another({ servers: { notes: { url: server.resource, oauth: { client } } } })
  t.match(await known.prepare('notes'), { clientId: 'by-hand', registration: 'preregistered' })
})
