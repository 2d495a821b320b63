/** Moving from one shared key to connections of their own. */

import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { alice, BINDING, bob, createWorld } from './world.ts'

t.test('feature 67: who has not connected yet goes on with the shared key, who has never falls back to it', async t => {
  const { server, issuer, another } = await createWorld(t)
  const notes = { url: server.resource, fallback: 'old', tools: { syncOnConnect: false } }
  const old = { url: server.resource, auth: 'bearer', mode: 'shared' } as const
  const app = await another({ servers: { notes, old } })
  const whoami = async (owner = alice) => {
    const { content } = await app.withClient(owner, 'notes', client => client.callTool({ name: 'whoami' }))
    return (content as { text: string }[])[0]?.text
  }
  await t.rejects(whoami(), { code: 'MCP_NOT_CONNECTED' }, 'there is no shared key yet')
  // The key that everybody had was that of a robot.
  const robot = { type: 'user', id: 'robot' } as const
  const giver = await another({ servers: { notes: { url: server.resource, allowRawToken: true } } })
  const connect = async (owner: typeof alice) => {
    const { url } = await giver.start(owner, 'notes', { binding: BINDING })
    await giver.complete({ params: await walkAuthorization(url, { username: owner.id }), binding: BINDING, owner })
  }
  await connect(robot)
  await app.setCredential(robot, 'old', { secret: await giver.rawTokenFor(robot, 'notes') })
  t.equal(await whoami(), 'robot')
  t.equal(await whoami(bob), 'robot')
  t.match(await app.status(alice, 'notes'), { status: 'not_connected', action: 'connect' })
  const answer = await app.fetchFor(alice, 'notes')(server.resource, { method: 'POST', body: '{}' })
  t.not(answer.status, 401)
  await connect(alice)
  t.equal(await whoami(), 'alice')
  t.equal(await whoami(bob), 'robot')
  issuer.endGrants('alice')
  await t.rejects(whoami(), { code: 'MCP_NEEDS_REAUTH' }, 'ended is not the same as never')
  await t.rejects(app.clientFor(null, 'notes'), { code: 'MCP_OWNER_REQUIRED' }, 'and nobody is nobody')
})

t.test('feature 67: a fallback is a shared server of the options at the same URL', async t => {
  const { server, another } = await createWorld(t)
  const url = server.resource
  for (const servers of [
    { notes: { url, fallback: 'none' } },
    { notes: { url, fallback: 'other' }, other: { url, auth: 'bearer' } },
    { notes: { url, fallback: 'other' }, other: { url: 'https://else.example/mcp', auth: 'bearer', mode: 'shared' } }
  ] as const)
    await t.rejects(another({ servers }), { message: /servers\.notes.*"fallback"/ })
})
