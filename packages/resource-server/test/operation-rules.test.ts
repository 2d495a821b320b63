import { parseChallenges } from '@fastify-mcp-auth/core'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { compileAnonymous, compileOperations, isExcepted, isUnknown, needsOf } from '../src/operations.ts'
import { createApp, toolCall } from './app.ts'
import { createCaller, request } from './operation-fixture.ts'

function challengeOf(response: LightMyRequestResponse): { [name: string]: string } {
  return { ...parseChallenges(String(response.headers['www-authenticate'] ?? ''))[0]?.params }
}

t.test('RS-10: stepUp accumulate names what was granted, too, but never offline_access', async t => {
  const operations = { 'tools/call': ['a', 'b'] }
  for (const [stepUp, scope] of [
    ['operation', 'a b'],
    ['accumulate', 'other a b']
  ]) {
    const { call } = await createCaller(t, { operations, stepUp })
    const response = await call(['other', 'offline_access', 'a'], toolCall('x'))
    t.equal(response.statusCode, 403)
    t.equal(challengeOf(response)['scope'], scope)
    t.equal(challengeOf(response)['error_description'], 'this operation needs the scope a b')
  }
})

t.test('operations: one of anyOf is enough, every rule wants its own, the first is suggested', async t => {
  const { call } = await createCaller(t, {
    operations: { 'tools/call': { anyOf: ['a', 'b'] }, 'tools/call:x': { scopes: ['s'], anyOf: ['c', 'd'] } }
  })
  for (const scopes of [['a'], ['b']]) t.equal((await call(scopes, toolCall('y'))).statusCode, 200)
  t.equal(challengeOf(await call(['c'], toolCall('y')))['scope'], 'a')
  t.equal((await call(['b', 'd', 's'], toolCall('x'))).statusCode, 200)
  t.equal(
    challengeOf(await call(['b', 's'], toolCall('x')))['scope'],
    's c',
    'the list that is satisfied is not asked for'
  )
  t.equal(challengeOf(await call([], toolCall('x')))['scope'], 's a c')
})

t.test('RS-13: a wildcard in a token covers what begins like it, when the operator says so', async t => {
  const operations = {
    'tools/call:read': ['notes:read'],
    'tools/call:deep': ['notes:a/b'],
    'tools/call:any': { anyOf: ['x', 'notes:z'] },
    'tools/call:bare': ['notes:'],
    'tools/call:near': ['notesX'],
    'tools/call:implied': ['mail:send']
  }
  const options = { operations, scopeHierarchy: { 'notes:admin': ['mail:*'] } }
  const off = await createCaller(t, { operations })
  t.equal((await off.call(['notes:*'], toolCall('read'))).statusCode, 403)
  const { call } = await createCaller(t, { ...options, scopeWildcards: true })
  const status = async (scopes: string[], tool: string): Promise<number> =>
    (await call(scopes, toolCall(tool))).statusCode
  for (const tool of ['read', 'deep', 'any']) t.equal(await status(['notes:*'], tool), 200, tool)
  t.equal(await status(['notes:*'], 'implied'), 200, 'what a covered scope implies')
  for (const tool of ['bare', 'near']) t.equal(await status(['notes:*'], tool), 403, tool)
  for (const scope of ['*', 'n*', 'notes*', '*:read', 'notes:r*', 'notes:*:x'])
    t.equal(await status([scope], 'read'), 403, `${scope} is no wildcard`)
})

t.test('operations: a star anywhere in the name of a thing', async t => {
  const read = (uri: string): object => request('resources/read', { uri })
  const { call } = await createCaller(t, {
    operations: { 'resources/read:notes://*/drafts/*.md': ['d'], 'tools/call:*_all': ['a'], 'tools/call:x*y*z': ['m'] }
  })
  const status = async (payload: object): Promise<number> => (await call([], payload)).statusCode
  t.equal(await status(read('notes://ann/drafts/a.md')), 403)
  t.equal(await status(read('notes://ann/x/drafts/a/b.md')), 403)
  t.equal(await status(read('notes://ann/%64rafts/a.md')), 403)
  t.equal(await status(read('notes://ann/final/a.md')), 200)
  for (const name of ['drop_all', '_all', 'xyz', 'x--y--z', 'xyyz']) t.equal(await status(toolCall(name)), 403, name)
  for (const name of ['all', 'drop_all_', 'xz', 'xzy', 'yxz']) t.equal(await status(toolCall(name)), 200, name)
})

t.test('RS-4: a completion needs what its prompt or resource needs', async t => {
  const { call, calls } = await createCaller(t, {
    operations: { 'prompts/get:secret': ['p'], 'resources/read:notes://private/*': ['r'], 'completion/complete': ['c'] }
  })
  const complete = (ref: unknown): object => request('completion/complete', { ref, argument: { name: 'a', value: '' } })
  const scopeFor = async (ref: unknown): Promise<string | undefined> =>
    challengeOf(await call([], complete(ref)))['scope']
  t.equal(await scopeFor({ type: 'ref/prompt', name: 'secret' }), 'c p')
  t.equal(await scopeFor({ type: 'ref/prompt', name: 'public' }), 'c')
  t.equal(await scopeFor({ type: 'ref/resource', uri: 'notes://private/{id}' }), 'c r')
  for (const ref of [
    null,
    {},
    { type: 'ref/prompt' },
    { type: 'ref/tool', name: 'x' },
    { type: 'ref/resource', uri: 1 }
  ])
    t.equal((await call(['c', 'p', 'r'], complete(ref))).statusCode, 400, JSON.stringify(ref))
  t.equal(calls(), 0)
  const headers = { 'mcp-method': 'completion/complete' }
  t.equal((await call(['c', 'p'], complete({ type: 'ref/prompt', name: 'secret' }), headers)).statusCode, 200)
})

t.test('RS-4: whoever listens to a resource needs what subscribing to it needs', async t => {
  const { call, calls } = await createCaller(t, { operations: { 'resources/subscribe:notes://private/*': ['r'] } })
  const listen = (resourceSubscriptions: unknown): object =>
    request('subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions } })
  const refused = await call([], listen(['notes://public/1', 'notes://private/1']))
  t.equal(challengeOf(refused)['scope'], 'r')
  for (const wrong of ['notes://private/1', [1], [''], Array.from({ length: 101 }, () => 'notes://public/1')])
    t.equal((await call(['r'], listen(wrong))).statusCode, 400)
  t.equal(calls(), 0)
  t.equal((await call(['r'], listen(['notes://private/1']))).statusCode, 200)
  t.equal((await call([], listen(undefined))).statusCode, 200)
})

t.test('operations: logging, tasks and what is not of MCP', async t => {
  const { call } = await createCaller(t, {
    operations: { 'logging/*': ['l'], 'tasks/*': ['t'], 'subscriptions/listen': ['s'] }
  })
  const scopeFor = async (method: string): Promise<string | undefined> =>
    challengeOf(await call([], request(method, {})))['scope']
  t.equal(await scopeFor('logging/setLevel'), 'l')
  for (const method of ['tasks/list', 'tasks/get', 'tasks/cancel', 'tasks/of/tomorrow'])
    t.equal(await scopeFor(method), 't')
  t.equal(await scopeFor('subscriptions/listen'), 's')
  t.equal((await call([], request('x/y'))).statusCode, 200)
})

t.test(
  'unknownOperations deny: what no key mentions is refused alike for everybody, the protocol itself is not',
  async t => {
    const { call, calls } = await createCaller(t, {
      unknownOperations: 'deny',
      operations: { 'tools/list': [], 'tools/call:known': ['k'], 'completion/complete': [] }
    })
    const denied: object[] = [
      request('x/y'),
      request('notifications/x'),
      request('tasks/list'),
      toolCall('unknown'),
      [request('ping'), toolCall('unknown')],
      request('completion/complete', { ref: { type: 'ref/prompt', name: 'secret' } })
    ]
    for (const payload of denied) {
      const response = await call(['k', 'admin'], payload)
      t.equal(response.statusCode, 403, JSON.stringify(payload))
      t.strictSame(response.json(), {
        jsonrpc: '2.0',
        error: { code: -32601, message: 'this operation is not available here' }
      })
      t.notOk(response.headers['www-authenticate'], 'no scope would help')
    }
    t.equal(calls(), 0)
    for (const method of ['initialize', 'ping', 'server/discover', 'notifications/initialized', 'tools/list'])
      t.equal((await call([], request(method))).statusCode, 200, method)
    t.equal((await call(['k'], toolCall('known'))).statusCode, 200)
    t.equal((await call([], toolCall('known'))).statusCode, 403)
  }
)

t.test('RS-11: unknownOperations with scopes: what no key mentions needs them, known or hidden alike', async t => {
  const options = {
    unknownOperations: ['admin', 'audit'],
    scopeHierarchy: { root: ['admin', 'audit'] },
    operations: { 'tools/list': [], 'tools/call:known': ['k'] },
    anonymous: ['tools/call:open']
  }
  const { call, calls } = await createCaller(t, options)
  const unknown = [request('x/y'), request('tasks/list'), request('logging/setLevel'), toolCall('other')]
  for (const payload of [...unknown, ...unknown.map(one => [toolCall('known'), one])]) {
    const response = await call(['k', 'admin'], payload)
    t.equal(response.statusCode, 403, JSON.stringify(payload))
    const scope = Array.isArray(payload) ? 'k admin audit' : 'admin audit'
    t.match(response.headers['www-authenticate'], `scope="${scope}"`)
  }
  t.equal(calls(), 0)
  t.equal((await call(null, toolCall('other'))).statusCode, 401)
  for (const payload of unknown) t.equal((await call(['root'], payload)).statusCode, 200, JSON.stringify(payload))
  t.equal((await call(['k'], toolCall('known'))).statusCode, 200, 'a key is enough')
  t.equal((await call(null, toolCall('open'))).statusCode, 200)
  for (const method of ['initialize', 'ping', 'tools/list', 'notifications/initialized'])
    t.equal((await call([], request(method))).statusCode, 200, method)
  const filtered = await createCaller(t, { ...options, lists: 'allowed' })
  const refused = await filtered.call(['admin'], toolCall('known'))
  t.strictSame(
    [refused.statusCode, refused.headers['www-authenticate']],
    [403, (await filtered.call(['admin'], toolCall('other'))).headers['www-authenticate']],
    'what is hidden is what is not there'
  )
})

t.test('RS-13: a star in the hierarchy stands for the scopes that are listed', async t => {
  const scopes = { 'mcp:admin': '', 'mcp:tools': '', 'mcp:deep:x': '', 'mcpx:other': '', k: '' }
  const operations = { 'tools/call:a': ['mcp:tools'], 'tools/call:b': ['mcp:deep:x'], 'tools/call:c': ['mcpx:other'] }
  const { call } = await createCaller(t, {
    scopes,
    operations,
    scopeHierarchy: { 'mcp:admin': ['mcp:*'], k: ['mcp:admin'] }
  })
  const status = async (scope: string, tool: string): Promise<number> =>
    (await call([scope], toolCall(tool))).statusCode
  for (const scope of ['mcp:admin', 'k'])
    t.strictSame([await status(scope, 'a'), await status(scope, 'b'), await status(scope, 'c')], [200, 200, 403], scope)
  t.equal(await status('mcp:*', 'a'), 403, 'in a token it is no wildcard for that')
})

t.test('anonymous: strangers may do what is on the list and nothing else', async t => {
  const options = {
    operations: { 'tools/call:delete': ['admin'], 'tools/call:mixed': ['m'] },
    anonymous: ['initialize', 'ping', 'tools/list', 'tools/call:search*', 'tools/call:mixed']
  }
  const { call, calls } = await createCaller(t, options, { scopes: ['mcp'] })
  const open = [
    request('initialize'),
    request('notifications/initialized'),
    request('tools/list'),
    toolCall('search_notes'),
    [request('ping'), toolCall('search')]
  ]
  for (const payload of open) t.match((await call(null, payload)).json(), { subject: null }, JSON.stringify(payload))
  const before = calls()
  const closed: [unknown, string][] = [
    [toolCall('delete'), 'mcp admin'],
    [toolCall('other'), 'mcp'],
    [toolCall('mixed'), 'm'],
    [[request('ping'), toolCall('delete')], 'mcp admin'],
    [request('notifications/cancelled'), 'mcp'],
    [{ jsonrpc: '2.0', id: 1, result: {} }, 'mcp'],
    [[], 'mcp'],
    ['text', 'mcp'],
    [[[request('ping')]], 'mcp'],
    [{ ...toolCall('search'), params: {} }, 'mcp']
  ]
  for (const [payload, scope] of closed) {
    const response = await call(null, payload)
    t.equal(response.statusCode, 401, JSON.stringify(payload))
    t.equal(challengeOf(response)['scope'], scope, JSON.stringify(payload))
    t.notOk(challengeOf(response)['error'])
  }
  t.equal(calls(), before)
})

t.test('anonymous: a token that is bad is refused, one that is good makes the caller known', async t => {
  const { call, calls } = await createCaller(t, { anonymous: ['tools/list'] }, { scopes: ['mcp'] })
  const bad = await call(null, request('tools/list'), { authorization: 'Bearer bad' })
  t.equal(bad.statusCode, 401)
  t.equal(challengeOf(bad)['error'], 'invalid_token')
  t.equal(calls(), 0)
  t.match((await call([], request('tools/list'))).json(), { subject: 'alice' }, 'not less than a stranger')
  t.equal((await call([], request('prompts/list'))).statusCode, 403)
})

t.test('anonymous: nothing without a body is open, nor a body that lies about itself', async t => {
  const { app } = await createApp(t, { options: { anonymous: ['*'] } })
  for (const method of ['GET', 'DELETE'] as const) t.equal((await app.inject({ method, url: '/mcp' })).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: '/mcp' })).statusCode, 401)
  const payload = request('ping')
  const inject = async (headers: object): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/mcp', headers: headers as Record<string, string>, payload })).statusCode
  t.equal(await inject({ 'mcp-method': 'tools/list' }), 401)
  t.equal(await inject({ 'content-type': 'text/plain' }), 401)
  t.equal(await inject({}), 200)
})

t.test('anonymous: routes that do not speak JSON-RPC stay closed', async t => {
  let calls = 0
  const { app } = await createApp(t, {
    options: { anonymous: ['ping'] },
    routes: app => {
      app.post('/mcp', { config: { mcpAuth: {} } }, async () => 'pong')
      app.post('/api', { config: { mcpAuth: { operations: false } } }, async () => ++calls)
    }
  })
  const ping = async (url: string): Promise<number> =>
    (await app.inject({ method: 'POST', url, payload: request('ping') })).statusCode
  t.equal(await ping('/mcp'), 200)
  t.equal(await ping('/api'), 401)
  t.equal(calls, 0)
})

t.test('operations: a pattern stands for whole names, and its pieces do not overlap', t => {
  const cases: [pattern: string, name: string, matches: boolean][] = [
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['ab*ba', 'abba', true],
    ['ab*b*c', 'abc', false],
    ['ab*b*c', 'abbc', true],
    ['a*c*c', 'ac', false],
    ['a*c*c', 'acc', true],
    ['x*aba*aba*y', 'xababay', false],
    ['x*aba*aba*y', 'xabaabay', true],
    ['*', 'anything', true],
    ['a.c', 'abc', false],
    // A tool or prompt has one name: only URIs can be written in other ways.
    ['delete_all', 'delete%5Fall', false],
    ['a/b', 'a//b', false]
  ]
  for (const [pattern, name, matches] of cases) {
    const rules = compileOperations({ operations: { [`prompts/get:${pattern}`]: ['x'] } })
    const act = { method: 'prompts/get', name }
    t.equal(needsOf(rules, [act]).scopes.length === 1, matches, `${pattern} ${name}`)
    t.equal(isUnknown(rules, act), !matches, `${pattern} ${name}`)
  }
  for (const key of ['prompts/get:', 'prompts/list:x', 'pro*ts/get', 'prompt/get'])
    t.throws(() => compileOperations({ operations: { [key]: ['x'] } }), { code: 'FST_OAUTH_OPTION' }, key)
  t.end()
})

t.test('anonymous: whoever may say hello may say that he heard the answer, and only he', t => {
  const says = (anonymous: string[], method: string): boolean =>
    isExcepted(compileAnonymous({ anonymous }), { method, name: null })
  t.ok(says(['ping', 'initialize'], 'notifications/initialized'))
  t.notOk(says(['ping', 'tools/list'], 'notifications/initialized'))
  t.notOk(says(['initialize'], 'notifications/cancelled'))
  t.end()
})
