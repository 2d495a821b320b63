/** Tools before anybody has connected. */
import { fault } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { alice, createWorld } from './world.ts'

t.test(
  'feature 84: a server that lists its tools to strangers is asked without a credential, where the options say so',
  async t => {
    const publicMethods = ['initialize', 'notifications/initialized', 'server/discover', 'tools/list']
    const world = await createWorld(t, {
      server: { behaviour: { publicMethods } },
      definition: { tools: { anonymous: 'try', syncOnConnect: false } }
    })
    await world.connect()
    const { connections, server } = world
    t.match(await connections.previewTools('notes'), [{ name: String }])
    t.notOk(
      server.requests.some(({ headers }) => headers['authorization'] !== undefined),
      'not even of those who are connected'
    )
    t.equal(await connections.tools(alice, 'notes'), null, "it is nobody's list")
    server.behaviour.publicMethods = []
    t.equal(await connections.previewTools('notes'), null)
    server.fail('mcp', fault.unavailable(), { times: 20 })
    await t.rejects(connections.previewTools('notes'), { code: 'MCP_SERVER_UNAVAILABLE' })
    const off = await createWorld(t)
    await t.rejects(off.connections.previewTools('notes'), { code: 'MCP_NOT_ALLOWED' })
  }
)
