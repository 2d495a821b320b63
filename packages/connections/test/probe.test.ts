import { fault } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { alice, BINDING, createWorld } from './world.ts'

t.test(
  '36352 of dify: a server that greets everybody and wants a token for the rest is asked for the rest',
  async t => {
    for (const sessions of [true, false]) {
      const world = await createWorld(t, {
        server: {
          behaviour: {
            publicMethods: ['initialize'],
            challengeScope: 'notes:read',
            sessions,
            scopesSupported: ['other']
          }
        }
      })
      const { url } = await world.connections.start(alice, 'notes', { binding: BINDING })
      t.equal(new URL(url).searchParams.get('scope'), 'notes:read', 'the challenge counts, not the list of scopes')
      t.equal((await world.connect()).outcome, 'connected')
      t.equal(await world.whoami(), 'alice')
    }
  }
)

t.test('feature 29: what is no MCP server is not taken for one with sign-in', async t => {
  const { connections, server } = await createWorld(t)
  const report = await connections.probe(`${new URL(server.resource).origin}/nothing/here`)
  t.match(report, { auth: 'unknown', problems: [/status 404.*address of an MCP server/] })
  t.match(await connections.probe(server.resource), { auth: 'oauth', registration: ['dynamic'] })
})

t.test('feature 12: the doctor says of a server what connecting it would fail with', async t => {
  const greeting = { publicMethods: ['initialize', 'tools/list', 'server/discover'] }
  const away = { issuer: 'https://other.example', clientId: 'x' }
  const metadata = (changes: Record<string, unknown>) => ({ issuer: { behaviour: { metadata: changes } } })
  const cases: [string, Parameters<typeof createWorld>[1]][] = [
    ['MCP_PKCE_UNSUPPORTED', metadata({ code_challenge_methods_supported: undefined })],
    ['MCP_PKCE_UNSUPPORTED', metadata({ code_challenge_methods_supported: ['plain'] })],
    ['MCP_REGISTRATION_FAILED', metadata({ registration_endpoint: undefined })],
    ['MCP_DISCOVERY_FAILED', metadata({ authorization_endpoint: undefined })],
    ['MCP_ISSUER_MISMATCH', { definition: { oauth: { client: away } } }],
    [
      'MCP_RESOURCE_MISMATCH',
      { server: { behaviour: { ...greeting, metadata: { resource: 'https://evil.example/mcp' } } } }
    ],
    ['MCP_AUTHORIZATION_SERVER_UNAVAILABLE', { server: { behaviour: greeting } }]
  ]
  for (const [code, options] of cases) {
    const { connections, issuer } = await createWorld(t, options)
    if (code === 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE')
      issuer.fail('metadata', fault.unavailable(), { times: Number.POSITIVE_INFINITY })
    const report = await connections.diagnose('notes')
    t.equal(report.error, code)
    t.ok(report.problems.length > 0, code)
    t.equal(issuer.count('register'), 0, 'nothing was sent')
    await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), { code }, 'and connecting says the same')
  }
})

t.test('feature 12: nothing is in the way of a server that is in order, or needs no authorization server', async t => {
  const { another, server, issuer } = await createWorld(t, { issuer: { behaviour: { metadata: {} } } })
  const { resource: url } = server
  const connections = await another({
    servers: { notes: { url }, key: { url, auth: 'bearer' }, open: { url, auth: 'none' } }
  })
  for (const id of ['notes', 'key', 'open']) t.equal((await connections.diagnose(id)).error, null, id)
  issuer.behaviour.metadata = { authorization_endpoint: undefined, registration_endpoint: undefined }
  const silent = await another({
    servers: {
      app: {
        url,
        auth: 'client_credentials',
        mode: 'shared',
        oauth: { client: { issuer: issuer.issuer, clientId: 'app', clientSecret: 'secret' } }
      },
      workload: { url, auth: 'jwt_bearer', oauth: { assertion: async () => 'assertion' } }
    }
  })
  for (const id of ['app', 'workload']) t.equal((await silent.diagnose(id)).error, null, id)
})
