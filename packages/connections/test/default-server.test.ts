/** An app with one server, or one that is meant unless another is named. */

import t from 'tap'
import { createConnections } from '../src/index.ts'
import { BASE, buildWorld, personOf } from './app.ts'

const alice = { type: 'user', id: 'alice' } as const
const client = { name: 'Acme' }

t.test('feature 8: a call that names no server means the default one', async t => {
  const { app } = await buildWorld(t, { defaultServer: 'keyed' })
  const { mcpConnections } = app
  app.get('/report', { preHandler: mcpConnections.require() }, async request => ({
    unnamed: await request.mcp().callTool({ name: 'whoami' }),
    named: await request.mcp('keyed').callTool({ name: 'whoami' })
  }))
  app.get('/other', { preHandler: mcpConnections.require('notes') }, async request => request.mcp().listTools())
  const own = mcpConnections.for(alice)
  t.match(await own.status(), { server: 'keyed', status: 'not_connected' })
  t.equal(await own.tryClientFor(), null)
  await own.setCredential(undefined, { secret: 'key-of-alice' })
  t.match(await own.status(), { server: 'keyed', status: 'active' })
  t.match(await own.status('notes'), { server: 'notes', status: 'not_connected' }, 'another one is still named')
  const who = await own.withClient(undefined, client => client.callTool({ name: 'whoami' }))
  t.match(who, { content: [{ text: 'alice' }] })
  const opened = await own.clientFor()
  t.match(await opened.callTool({ name: 'whoami' }), { content: [{ text: 'alice' }] })
  await opened[Symbol.asyncDispose]()
  t.equal((await own.syncTools()).server, 'keyed')
  const answer = await personOf(app, 'alice').get('/report')
  t.match(answer.json(), { unnamed: { content: [{ text: 'alice' }] }, named: { content: [{ text: 'alice' }] } })
  t.equal((await personOf(app, 'bob', 'application/json').get('/report')).statusCode, 409, 'of one owner all the same')
  t.equal((await personOf(app, 'alice', 'application/json').get('/other')).statusCode, 409)
  t.equal(await own.disconnect(), true)
  t.match(await own.status(), { server: 'keyed', status: 'not_connected' })
})

t.test('feature 8: without a default server a call that names none is refused', async t => {
  const { app } = await buildWorld(t)
  t.throws(() => app.mcpConnections.require(), { code: 'FST_OAUTH_OPTION', message: /defaultServer/ })
  const own = app.mcpConnections.for(alice)
  const refusal = { code: 'MCP_UNKNOWN_SERVER', message: /defaultServer/ }
  await t.rejects(own.status(), refusal)
  await t.rejects(own.clientFor(), refusal)
  await t.rejects(own.tryClientFor(), refusal)
  await t.rejects(own.setCredential(undefined, { secret: 'key-of-alice' }), refusal)
  t.throws(() => own.fetchFor(), refusal)
})

t.test('feature 8: a default server that is none of the options stops the boot', async t => {
  for (const defaultServer of ['other', 'constructor', ''])
    await t.rejects(
      createConnections({ baseUrl: BASE, client, servers: { notes: { url: 'https://mcp.example/' } }, defaultServer }),
      { code: 'FST_OAUTH_OPTION', message: /defaultServer/ },
      defaultServer
    )
})
