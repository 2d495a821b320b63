/** The MCP tools: whose notes they see, and what they need to be called. */
import { createOAuthClient, type HttpResponse, injectTransport, matchesChallenge } from '@fastify-mcp-auth/testing'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp } from '../app.ts'
import { ALICE, BOB, createApp, dataFolder, TEST_KEY } from './running-app.ts'

const ALL = 'mcp:tools notes:read notes:write notes:admin'

interface Notebook {
  /** The text of the tool's answer. */
  call(name: string, input?: Record<string, unknown>): Promise<string>
  /** The whole answer, for refusals. */
  send(body: unknown): Promise<HttpResponse>
}

async function openNotebook(
  app: FastifyInstance,
  resource: string,
  person: { username: string; password: string; scope?: string }
): Promise<Notebook> {
  const { scope = ALL, ...account } = person
  const client = createOAuthClient({ app, resource, clientId: 'demo-cli', ...account })
  const { access_token } = await client.connect({ scope, scopes: scope.split(' ') })
  const send = (body: unknown): Promise<HttpResponse> =>
    injectTransport(app)({
      method: 'POST',
      url: resource,
      headers: {
        authorization: `Bearer ${access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream'
      },
      body: JSON.stringify(body)
    })
  return {
    send,
    async call(name, input = {}) {
      const response = await send(toolCall(name, input))
      // Legacy answers come as one server-sent event.
      const data = /^data: (.*)$/m.exec(response.body)?.[1] ?? response.body
      const answer = JSON.parse(data) as { result?: { content: { text: string }[] } }
      return answer.result?.content[0]?.text ?? ''
    }
  }
}

function toolCall(name: string, input: Record<string, unknown> = {}) {
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: input } }
}

t.test('notes belong to whoever added them', async t => {
  const { app, resource } = await createApp(t)
  const alice = await openNotebook(app, resource, ALICE)
  const bob = await openNotebook(app, resource, BOB)
  await alice.call('add_note', { text: 'from alice' })
  await alice.call('add_note', { text: 'and another' })
  t.equal(await bob.call('list_notes'), '[]')
  t.equal(await bob.call('delete_all_notes'), 'Deleted 0.')
  t.equal(await alice.call('list_notes'), '["from alice","and another"]')
  t.match(await bob.call('whoami'), /bob/)
})

t.test('notes, grants and sign-ins survive a restart', async t => {
  const environment = {
    DATABASE_URL: `sqlite:${dataFolder(t)}/notes.sqlite`,
    ENCRYPTION_KEY: TEST_KEY
  }
  const before = await createApp(t, environment)
  const alice = await openNotebook(before.app, before.resource, ALICE)
  await alice.call('add_note', { text: 'still here' })
  const client = createOAuthClient({ app: before.app, resource: before.resource, ...ALICE })
  const tokens = await client.connect()
  await before.app.close()

  const app = await buildApp(before.config)
  t.teardown(() => app.close())
  const again = await openNotebook(app, before.resource, ALICE)
  t.equal(await again.call('list_notes'), '["still here"]')
  const cookie = client.browser.cookies.header(before.origin)
  t.match((await app.inject({ url: '/', headers: { cookie } })).body, 'Alice')
  const refreshed = await app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token ?? '',
      client_id: (await client.credentials()).clientId
    }).toString()
  })
  t.equal(refreshed.statusCode, 200)
})

t.test('RS-9: a tool without its scope is refused with the scope that is missing, and does not run', async t => {
  const { app, resource } = await createApp(t)
  const reader = await openNotebook(app, resource, { ...ALICE, scope: 'mcp:tools notes:read' })
  const refused = await reader.send(toolCall('add_note', { text: 'no' }))
  t.equal(refused.statusCode, 403)
  matchesChallenge(t, refused, { scheme: 'Bearer', error: 'insufficient_scope', scope: 'mcp:tools notes:write' })
  t.equal((await reader.send([toolCall('list_notes'), toolCall('delete_all_notes')])).statusCode, 403)
  t.equal(await reader.call('list_notes'), '[]')
})

t.test('notes:admin brings reading and writing along', async t => {
  const { app, resource } = await createApp(t)
  const admin = await openNotebook(app, resource, { ...ALICE, scope: 'mcp:tools notes:admin' })
  t.equal(await admin.call('add_note', { text: 'a' }), 'Added.')
  t.equal(await admin.call('list_notes'), '["a"]')
})

t.test('a request without scope gets the default set', async t => {
  const { app, resource } = await createApp(t)
  const client = createOAuthClient({ app, resource, clientId: 'demo-cli', ...ALICE })
  t.equal((await client.connect()).scope, 'mcp:tools')
})
