/** Moving from one shared key to connections of their own. */

import { createFakeMcpServer, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import type { ConnectionsOptions } from '../src/index.ts'
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

type Tools = NonNullable<NonNullable<ConnectionsOptions['servers']>[string]['tools']>

/** A server that takes the key of a robot, and tokens of its issuer; everybody has the key. */
async function moving(t: Test, { own = {}, shared = {} }: { readonly own?: Tools; readonly shared?: Tools } = {}) {
  const { issuer, clock, another } = await createWorld(t)
  const server = await createFakeMcpServer({
    clock,
    behaviour: { authorizationServers: [issuer.issuer] },
    verify: token => {
      const subject = token === 'key' ? 'robot' : issuer.verify(token)?.grant.subject
      return subject === undefined ? null : { token, subject, scopes: [] }
    }
  })
  t.teardown(() => server.close())
  const url = server.resource
  const app = await another({
    servers: {
      notes: { url, fallback: 'old', tools: { syncOnConnect: false, ...own } },
      old: { url, auth: 'bearer', mode: 'shared', tools: { syncOnConnect: false, ...shared } }
    }
  })
  await app.setCredential(null, 'old', { secret: 'key' })
  const connect = async (): Promise<void> => {
    const { url } = await app.start(alice, 'notes', { binding: BINDING })
    await app.complete({ params: await walkAuthorization(url, { username: 'alice' }), binding: BINDING, owner: alice })
  }
  return { app, server, connect }
}

t.test('feature 67: the filters of both servers count while the shared key serves', async t => {
  for (const rules of [
    { own: { deny: ['whoami'] } },
    { own: { allow: ['other_*'] } },
    { shared: { deny: ['whoami'] } },
    { own: { allow: ['who*'] }, shared: { allow: ['other_*'] } }
  ]) {
    const { app, server } = await moving(t, rules)
    const client = await app.clientFor(alice, 'notes')
    const asked = server.count('mcp')
    await t.rejects(client.callTool({ name: 'whoami' }), { code: 'MCP_NOT_ALLOWED', reason: 'tool_filter' })
    t.equal(server.count('mcp'), asked, 'nothing was sent')
    const { tools } = await client.listTools()
    t.notOk(tools.some(({ name }) => name === 'whoami'))
    await client[Symbol.asyncDispose]()
  }
})

t.test('feature 67: whose changes of tools are reviewed, those of the fallback are too', async t => {
  await t.rejects(moving(t, { own: { approveChanges: true } }), { message: /servers\.notes.*"old" needs it, too/ })
  const { app } = await moving(t, { own: { approveChanges: true }, shared: { approveChanges: true } })
  const { content } = await app.withClient(alice, 'notes', client => client.callTool({ name: 'whoami' }))
  t.match(content, [{ text: 'robot' }])
})

t.test('feature 67: who connects acts as himself from then on, in what was opened before as well', async t => {
  const { app, server, connect } = await moving(t)
  const fetch = app.fetchFor(alice, 'notes')
  const client = await app.clientFor(alice, 'notes')
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {}, _meta } }
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  const fetched = async () => {
    const response = await fetch(server.resource, { method: 'POST', headers, body: JSON.stringify(call) })
    return response.text()
  }
  const called = () => client.callTool({ name: 'whoami' })
  t.match(await fetched(), /robot/)
  t.match(await called(), { content: [{ text: 'robot' }] })
  await connect()
  t.match(await fetched(), /alice/)
  const asked = server.count('mcp')
  // A client may have a session, and a session has one owner.
  await t.rejects(called(), { code: 'MCP_NOT_ALLOWED', reason: 'fallback_over', retryable: true })
  t.equal(server.count('mcp'), asked, 'nothing was sent')
  await client[Symbol.asyncDispose]()
  t.match(await app.withClient(alice, 'notes', own => own.callTool({ name: 'whoami' })), {
    content: [{ text: 'alice' }]
  })
})
