/** Feature gating: a route that needs a connection. */
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { BASE, buildWorld, PREFIX, personOf } from './app.ts'

t.test('item 13: require() gives the route its client, closed with the response', async t => {
  const { app, mcp } = await buildWorld(t)
  app.get('/report', { preHandler: app.mcpConnections.require('notes') }, async request =>
    request.mcp('notes').callTool({ name: 'whoami', arguments: {} })
  )
  app.get('/forgot', async request => request.mcp('notes').listTools())
  const alice = personOf(app, 'alice')
  const led = await alice.get('/report?week=1')
  t.equal(led.statusCode, 303)
  t.equal(led.headers.location, `${BASE}${PREFIX}/connect/notes?returnTo=${encodeURIComponent('/report?week=1')}`)
  const told = await personOf(app, 'alice', 'application/json').get('/report')
  t.equal(told.statusCode, 409)
  t.match(told.json(), { error: 'MCP_NOT_CONNECTED', actionUrl: `${BASE}${PREFIX}/connect/notes` })

  const start = await alice.post('connect/notes')
  await alice.get(`callback?${await walkAuthorization(start.headers.location as string, { username: 'a' })}`)
  const [one, two] = await Promise.all([alice.get('/report'), alice.get('/report')])
  for (const answer of [one, two]) {
    t.equal(answer.statusCode, 200)
    t.match(answer.json(), { content: [{ text: 'a' }] })
  }
  t.equal((await personOf(app, 'bob', 'application/json').get('/report')).statusCode, 409)
  t.equal((await alice.get('/forgot')).statusCode, 409)
  const nobody = await personOf(app, null).get('/report')
  t.equal(nobody.statusCode, 401)
  t.match(nobody.json(), { error: 'MCP_SIGN_IN_REQUIRED' })
  t.ok(mcp.calls.every(({ visitor }) => visitor.subject === 'a'))
})
