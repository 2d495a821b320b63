/** Clients of the SDK in front of servers that go wrong. */
import { fault } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { alice, createWorld } from './world.ts'

t.test(
  'feature 75: a server that does not speak MCP is an error of the connection, and may be tried again',
  async t => {
    const answers = [
      fault.answer(200, '{"jsonrpc":"2.0","id":', { 'content-type': 'application/json' }),
      fault.html(200),
      fault.oversized(5000)
    ]
    for (const answer of answers) {
      const { connect, connections, server, whoami } = await createWorld(t, {
        app: { network: { allowLoopback: true, maxBytes: 4096 } }
      })
      await connect()
      server.fail('mcp', answer, { times: Number.POSITIVE_INFINITY })
      for (const ask of [whoami, () => connections.syncTools(alice, 'notes')])
        await t.rejects(ask(), { code: 'MCP_SERVER_UNAVAILABLE', retryable: true, actionUrl: undefined })
      server.heal('mcp')
      t.equal(await whoami(), 'alice')
      const isGarbled = (body: string): boolean => body.includes('tools/list')
      server.fail('mcp', ({ body }) => (isGarbled(body) ? answer : null), { times: Number.POSITIVE_INFINITY })
      await t.rejects(connections.syncTools(alice, 'notes'), { code: 'MCP_SERVER_UNAVAILABLE' })
    }
    const { connect, connections } = await createWorld(t)
    await connect()
    const signal = AbortSignal.abort(new Error('enough'))
    await t.rejects(connections.clientFor(alice, 'notes', { signal }), { message: 'enough' }, 'who gave up hears that')
  }
)
