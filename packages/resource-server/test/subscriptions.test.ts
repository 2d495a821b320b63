import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createApp } from './app.ts'
import { createCaller, request } from './operation-fixture.ts'

const URI = 'notes://private/1'
const FOLLOWING: [string, (uri: string) => object][] = [
  ['resources/subscribe', uri => request('resources/subscribe', { uri })],
  ['resources/unsubscribe', uri => request('resources/unsubscribe', { uri })],
  [
    'subscriptions/listen',
    uri => request('subscriptions/listen', { notifications: { resourceSubscriptions: ['notes://public/1', uri] } })
  ]
]

for (const [method, follow] of FOLLOWING) {
  t.test(`RS-4: ${method} needs what reading the resource needs, however it is written`, async t => {
    const { call, calls } = await createCaller(t, {
      operations: { 'resources/read:notes://private/*': ['r'], 'resources/subscribe:notes://private/*': ['s'] }
    })
    for (const uri of [URI, 'NOTES://%70rivate/1', 'notes://public/../private/1'])
      t.equal((await call(['s'], follow(uri))).statusCode, 403, uri)
    t.equal(calls(), 0)
    t.equal((await call(['r', 's'], follow(URI))).statusCode, 200)
    t.equal((await call([], follow('notes://public/1'))).statusCode, 200)
  })

  t.test(`RS-19: ${method} for a resource that the caller may not know of does not reach it`, async t => {
    let seen = ''
    const routes = (app: FastifyInstance): void =>
      void app.post('/mcp', { config: { mcpAuth: {} } }, async ({ body }) => {
        seen = JSON.stringify(body)
        return { jsonrpc: '2.0', id: 1, result: {} }
      })
    const options = { lists: 'allowed' as const, operations: { 'resources/read:notes://private/*': ['r'] } }
    const { app, bearer } = await createApp(t, { options, routes })
    const ask = async (scopes: string[]): Promise<number> => {
      const headers = await bearer({ scopes })
      return (await app.inject({ method: 'POST', url: '/mcp', headers, payload: follow(URI) })).statusCode
    }
    t.equal(await ask([]), 200)
    t.notMatch(seen, URI)
    t.match(seen, /unknown:[0-9a-f]{32}/)
    t.equal(await ask(['r']), 200)
    t.match(seen, URI)
  })

  t.test(`RS-1: strangers need both for ${method}, and nothing is known by half`, async t => {
    const reading = 'resources/read:notes://public/*'
    const following = ['resources/subscribe', 'resources/unsubscribe', 'subscriptions/listen']
    const strangers = await createCaller(t, { anonymous: following })
    t.equal((await strangers.call(null, follow('notes://public/2'))).statusCode, 401)
    t.equal(strangers.calls(), 0)
    const readers = await createCaller(t, { anonymous: [...following, reading] })
    t.equal((await readers.call(null, follow('notes://public/2'))).statusCode, 200)
    const rules = Object.fromEntries([...following, reading].map(key => [key, []]))
    const known = await createCaller(t, { unknownOperations: 'deny', operations: rules })
    t.equal((await known.call([], follow(URI))).statusCode, 403)
    t.equal(known.calls(), 0)
    t.equal((await known.call([], follow('notes://public/2'))).statusCode, 200)
  })
}

t.test('RS-4: app.mcpAuth.scopesFor says it, too; reading needs nothing of what following needs', async t => {
  const { app } = await createApp(t, {
    options: { operations: { 'resources/read:notes://private/*': ['r'], 'resources/subscribe': ['s'] } }
  })
  const scopesFor = (method: string): readonly string[] => app.mcpAuth.scopesFor({ method, name: URI }).scopes
  t.strictSame([...scopesFor('resources/subscribe')].toSorted(), ['r', 's'])
  t.strictSame(scopesFor('resources/read'), ['r'])
})
