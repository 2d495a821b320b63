import { parseChallenges } from '@fastify-mcp-auth/core'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createApp, METADATA_URL, type TestApp, toolCall } from './app.ts'

const operations = {
  'tools/call': ['mcp:tools'],
  'tools/call:list_notes': ['notes:read'],
  'tools/call:delete_*': ['notes:admin'],
  'resources/read:notes://private/*': ['notes:private'],
  'prompts/*': ['mcp:prompts']
}

/** The app with operations, and a caller: what the token holds, what is asked, and what comes back. */
async function createCaller(
  t: Parameters<typeof createApp>[0],
  options: object = {}
): Promise<{
  call: (scopes: string[], payload: object | string, headers?: object) => Promise<LightMyRequestResponse>
  test: TestApp
  calls: () => number
}> {
  let calls = 0
  const test = await createApp(t, {
    options: { operations, scopeHierarchy: { 'notes:admin': ['notes:read'] }, ...options },
    routes: app => {
      app.post('/mcp', { config: { mcpAuth: { scopes: ['mcp'] } } }, async () => ({ calls: ++calls }))
    }
  })
  return {
    test,
    calls: () => calls,
    call: async (scopes, payload, headers = {}) =>
      test.app.inject({
        method: 'POST',
        url: '/mcp',
        headers: { ...(await test.bearer({ scopes })), 'content-type': 'application/json', ...headers },
        payload
      })
  }
}

function scopesOf(response: LightMyRequestResponse): string[] {
  const [challenge] = parseChallenges(String(response.headers['www-authenticate'] ?? ''))
  return (challenge?.params['scope'] ?? '').split(' ').toSorted()
}

t.test('RS-9: too little is 403 with error, scope, resource_metadata and error_description', async t => {
  const { call, calls } = await createCaller(t)
  const response = await call(['mcp'], toolCall('list_notes'))
  t.equal(response.statusCode, 403)
  const [challenge] = parseChallenges(String(response.headers['www-authenticate']))
  t.equal(challenge?.scheme, 'Bearer')
  t.strictSame(
    { ...challenge?.params },
    {
      error: 'insufficient_scope',
      error_description: 'this operation needs the scope mcp mcp:tools notes:read',
      scope: 'mcp mcp:tools notes:read',
      resource_metadata: METADATA_URL
    }
  )
  t.equal(response.json().error, 'insufficient_scope')
  t.equal(calls(), 0)
})

t.test(
  'RS-10, RS-12: the scopes of this operation, not those that were granted before, and the same twice',
  async t => {
    const { call } = await createCaller(t)
    const first = await call(['mcp', 'mcp:prompts', 'other'], toolCall('list_notes'))
    t.strictSame(scopesOf(first), ['mcp', 'mcp:tools', 'notes:read'])
    t.strictSame(scopesOf(await call(['mcp'], toolCall('list_notes'))), scopesOf(first))
  }
)

t.test('RS-11: with no scope at all, the first challenge already names those of route and operation', async t => {
  const { call } = await createCaller(t)
  t.strictSame(scopesOf(await call([], toolCall('list_notes'))), ['mcp', 'mcp:tools', 'notes:read'])
})

t.test('RS-11: a batch is answered with the scopes of all its messages', async t => {
  const { call, calls } = await createCaller(t)
  const batch = [toolCall('free'), toolCall('list_notes'), { jsonrpc: '2.0', method: 'prompts/list', id: 2 }]
  const response = await call(['mcp', 'mcp:tools'], batch)
  t.equal(response.statusCode, 403)
  t.strictSame(scopesOf(response), ['mcp', 'mcp:prompts', 'mcp:tools', 'notes:read'])
  t.equal(calls(), 0)
  t.equal((await call(['mcp', 'mcp:tools', 'notes:read', 'mcp:prompts'], batch)).statusCode, 200)
})

t.test('RS-11: the last message of a batch counts like the first', async t => {
  const { call, calls } = await createCaller(t)
  const batch = [...Array.from({ length: 99 }, () => toolCall('free')), toolCall('delete_all')]
  t.equal((await call(['mcp', 'mcp:tools'], batch)).statusCode, 403)
  t.equal(calls(), 0)
})

t.test('RS-13: a scope covers what it implies', async t => {
  const { call } = await createCaller(t)
  t.equal((await call(['mcp', 'mcp:tools', 'notes:admin'], toolCall('list_notes'))).statusCode, 200)
  t.equal((await call(['mcp', 'mcp:tools', 'notes:read'], toolCall('delete_all'))).statusCode, 403)
})

t.test('operations: keys that match add up, so a narrow one never loosens a wide one', async t => {
  const { call } = await createCaller(t, {
    operations: { 'tools/*': ['a'], 'tools/call': ['b'], 'tools/call:x*': ['c'], 'tools/call:xy': [] }
  })
  t.strictSame(scopesOf(await call([], toolCall('xy'))), ['a', 'b', 'c', 'mcp'])
  t.strictSame(scopesOf(await call([], toolCall('z'))), ['a', 'b', 'mcp'])
  t.strictSame(scopesOf(await call([], { jsonrpc: '2.0', id: 1, method: 'tools/list' })), ['a', 'mcp'])
  t.strictSame(scopesOf(await call([], { jsonrpc: '2.0', id: 1, method: 'ping' })), ['mcp'])
})

t.test('operations: every spelling of a URI that a server might normalise is the same resource', async t => {
  const { call } = await createCaller(t)
  const read = (uri: string): object => ({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri } })
  const spellings = [
    'notes://private/a',
    'NOTES://private/a',
    'notes://private/../private/a',
    'notes://private/%2e%2e/private/a',
    'notes://%70rivate/a',
    'notes%3A//private/a',
    ' notes://private/a',
    'notes:\t//private/a'
  ]
  for (const uri of spellings) t.equal((await call(['mcp'], read(uri))).statusCode, 403, uri)
  t.equal((await call(['mcp'], read('notes://public/a'))).statusCode, 200)
  t.equal((await call(['mcp', 'notes:private'], read('notes://private/a'))).statusCode, 200)
})

t.test('RFC 6750 3.1: a body whose operation cannot be told is refused before the handler', async t => {
  const { call, calls, test } = await createCaller(t)
  const all = ['mcp', 'mcp:tools', 'notes:admin', 'mcp:prompts', 'notes:private']
  const bodies: unknown[] = [
    {},
    [],
    [[toolCall('free')]],
    [toolCall('free'), null],
    [toolCall('free'), 'text'],
    Array.from({ length: 101 }, () => toolCall('free')),
    { jsonrpc: '2.0', id: 1, method: ['tools/call'], params: { name: 'free' } },
    { jsonrpc: '2.0', id: 1, method: '' },
    { jsonrpc: '2.0', id: 1, method: 7, result: {} },
    { jsonrpc: '2.0', id: 1, method: 'tools/call' },
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: ['free'] } },
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: ['free'] },
    { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: '' } },
    { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { name: 'x' } }
  ]
  for (const body of bodies) {
    const response = await call(all, body as object)
    t.equal(response.statusCode, 400, JSON.stringify(body).slice(0, 80))
    t.match(response.json(), { jsonrpc: '2.0', error: { code: Number } })
    t.notOk('id' in response.json())
  }
  const headers = { ...(await test.bearer({ scopes: all })), 'content-type': 'text/plain' }
  const asText = await test.app.inject({ method: 'POST', url: '/mcp', headers, payload: JSON.stringify(toolCall('x')) })
  t.equal(asText.statusCode, 400, 'a body that was not parsed')
  t.equal(
    (await test.app.inject({ method: 'POST', url: '/mcp', headers: await test.bearer({ scopes: all }) })).statusCode,
    400,
    'no body'
  )
  t.equal(calls(), 0)
})

t.test(
  'CVE-2026-25223, CVE-2025-32442: no content type and no spelling of the body gets an operation past its scopes',
  async t => {
    const { call, calls } = await createCaller(t)
    const types = [
      'application/json',
      'application/json; charset=utf-16',
      'application/json\tx',
      'application/json ; x',
      'APPLICATION/JSON',
      'text/json',
      'application/problem+json',
      'text/plain'
    ]
    for (const type of types) {
      const response = await call(['mcp', 'mcp:tools'], toolCall('delete_all'), { 'content-type': type })
      t.ok([400, 403, 415].includes(response.statusCode), `${type}: ${response.statusCode}`)
    }
    const bodies = [
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"delete_all"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","name":"delete_all"}}',
      '{"jsonrpc":"2.0","id":1,"\\u006dethod":"tools/call","params":{"name":"delete\\u005fall"}}',
      '{"jsonrpc":"2.0","id":1,"__proto__":{"method":"tools/call"},"result":{}}'
    ]
    for (const body of bodies) {
      const response = await call(['mcp', 'mcp:tools'], body)
      t.ok([400, 403].includes(response.statusCode), `${body}: ${response.statusCode}`)
    }
    t.equal(calls(), 0)
  }
)

t.test('RS-8: what is wrong with the token comes before what is wrong with the body', async t => {
  const { test } = await createCaller(t)
  const response = await test.app.inject({ method: 'POST', url: '/mcp', payload: [] })
  t.equal(response.statusCode, 401)
})

t.test('answers to requests of the server need the scopes of the route and nothing more', async t => {
  const { call } = await createCaller(t)
  t.equal((await call(['mcp'], { jsonrpc: '2.0', id: 1, result: {} })).statusCode, 200)
  t.equal((await call([], { jsonrpc: '2.0', id: 1, result: {} })).statusCode, 403)
  t.equal((await call(['mcp'], { jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } })).statusCode, 200)
})

t.test('TR-7: headers that differ from the body are 400, and never decide', async t => {
  const { call, calls } = await createCaller(t)
  const all = ['mcp', 'mcp:tools', 'notes:admin']
  const mismatches = [
    { 'mcp-method': 'ping' },
    { 'mcp-method': 'tools/call', 'mcp-name': 'free' },
    { 'mcp-name': '=?base64?ZnJlZQ==?=' }
  ]
  for (const headers of mismatches) {
    const response = await call(all, toolCall('delete_all'), headers)
    t.equal(response.statusCode, 400)
    t.equal(response.json().error.code, -32020)
  }
  t.equal((await call(all, [toolCall('free'), toolCall('delete_all')], { 'mcp-name': 'free' })).statusCode, 400)
  t.equal((await call(all, { jsonrpc: '2.0', id: 1, result: {} }, { 'mcp-method': 'ping' })).statusCode, 400)
  t.equal(calls(), 0)
  const mirror = { 'mcp-method': 'tools/call', 'mcp-name': 'delete_all' }
  t.equal((await call(all, toolCall('delete_all'), mirror)).statusCode, 200)
  t.equal(
    (await call(['mcp', 'mcp:tools'], toolCall('delete_all'), mirror)).statusCode,
    403,
    'a true mirror grants nothing'
  )
  t.equal((await call(all, toolCall('delete_all'), { 'mcp-name': '=?base64?ZGVsZXRlX2FsbA==?=' })).statusCode, 200)
})

t.test(
  'optional routes: an anonymous call that needs a scope is 401 with that scope and without error code',
  async t => {
    const { app, bearer } = await createApp(t, {
      options: { operations },
      routes: app => {
        app.post('/mcp', { config: { mcpAuth: { optional: true } } }, async request => ({
          sub: request.auth?.subject ?? null
        }))
      }
    })
    const send = (payload: object, headers = {}): Promise<LightMyRequestResponse> =>
      app.inject({ method: 'POST', url: '/mcp', payload, headers })
    const open = await send({ jsonrpc: '2.0', id: 1, method: 'initialize' })
    t.strictSame(open.json(), { sub: null })
    const closed = await send(toolCall('list_notes'))
    t.equal(closed.statusCode, 401)
    t.strictSame(scopesOf(closed), ['mcp:tools', 'notes:read'])
    t.notMatch(closed.headers['www-authenticate'], 'error=')
    t.equal(
      (await send({ jsonrpc: '2.0', id: 1, method: 'initialize' }, { authorization: 'Bearer bad' })).statusCode,
      401
    )
    const headers = await bearer({ scopes: ['mcp:tools', 'notes:read'] })
    t.strictSame((await send(toolCall('list_notes'), headers)).json(), { sub: 'alice' })
  }
)

t.test('routes that do not speak JSON-RPC say operations: false', async t => {
  const { app, bearer } = await createApp(t, {
    options: { operations },
    routes: app => {
      app.post('/api', { config: { mcpAuth: { scopes: ['api'], operations: false } } }, async () => 'ok')
      app.post('/mcp', { config: { mcpAuth: {} } }, async () => 'ok')
    }
  })
  const inject = async (scopes: string[]): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/api', payload: { text: 'x' }, headers: await bearer({ scopes }) }))
      .statusCode
  t.equal(await inject(['api']), 200)
  t.equal(await inject([]), 403)
})
