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
