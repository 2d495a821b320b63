import { OAuthError, UnavailableError } from '@fastify-mcp-auth/core'
import { settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { type ApiKey, apiKeys, chain, createApiKey, type OpaqueToken, opaque, type Verifier } from '../../src/index.ts'
import { createApp, RESOURCE, reasonOf } from '../app.ts'

const START = 1_800_000_000
const context = { resource: RESOURCE, request: null }
const least: OpaqueToken = { subject: 'alice', audience: RESOURCE }
const whole: OpaqueToken = {
  subject: 'alice',
  clientId: 'web',
  scopes: ['a'],
  audience: ['https://a.test', RESOURCE],
  expiresAt: START + 60,
  issuer: 'https://issuer.test',
  organization: 'o',
  claims: { tid: 't' }
}

function judge(found: unknown) {
  const clock = settableClock(START)
  return { clock, ask: async () => opaque(async () => found as OpaqueToken, { clock }).verify('abc', context) }
}

t.test('RS-5: what the app leaves out is narrow, and what it says is taken as it is', async t => {
  t.strictSame(await judge(least).ask(), {
    subject: 'alice',
    clientId: 'alice',
    scopes: [],
    issuer: RESOURCE,
    audience: [RESOURCE],
    expiresAt: null,
    organization: null,
    claims: {}
  })
  t.strictSame(await judge(whole).ask(), whole)
})

t.test('architecture rule 6: an answer that is no token is an error of the app, never somebody', async t => {
  const wrong: object[] = [
    { subject: '' },
    { subject: undefined },
    { subject: ['alice'] },
    { clientId: '' },
    { clientId: 7 },
    { issuer: '' },
    { issuer: 7 },
    { audience: undefined },
    { audience: '' },
    { audience: [RESOURCE, 7] },
    { scopes: 'a' },
    { scopes: [''] },
    { scopes: [7] },
    { expiresAt: Number.NaN },
    { expiresAt: Number.POSITIVE_INFINITY },
    { expiresAt: `${START + 60}` }
  ]
  for (const part of wrong)
    await t.rejects(
      judge({ ...whole, ...part }).ask(),
      { name: 'TypeError', message: /of a token must be/ },
      JSON.stringify(part)
    )
})

t.test('RFC 6749 1.4: an end that has come is noticed, to the second', async t => {
  const { clock, ask } = judge(whole)
  clock.advance(59)
  t.equal((await ask()).subject, 'alice')
  clock.advance(1)
  t.equal(await reasonOf(ask), 'expired')
})

t.test('architecture rule 6: a verdict is passed on, and everything else is an outage', async t => {
  const ask = (error: unknown) => async () => opaque(() => Promise.reject(error)).verify('abc', context)
  const down = new UnavailableError('down', { retryAfter: 7 })
  await t.rejects(ask(down)(), { code: 'FST_OAUTH_UNAVAILABLE', message: 'down', retryAfter: 7 })
  t.equal(await reasonOf(ask(new OAuthError('invalid_token', 'no', { reason: 'mine' }))), 'mine')
  const cause = new Error('database')
  await t.rejects(ask(cause)(), { code: 'FST_OAUTH_UNAVAILABLE', cause })
})

t.test('RS-4: what the app does not know is refused, and so is what no member of a chain takes', async t => {
  for (const found of [null, undefined, false]) t.equal(await reasonOf(judge(found).ask), 'unknown_token')
  t.equal(await reasonOf(() => chain(named('a')).verify('b-token', context)), 'issuer')
})

t.test('opaque: what it says about itself', t => {
  const issuers = ['https://a.test']
  const verifier = opaque(() => null, { issuers, accepts: token => token.startsWith('x') })
  t.strictSame([verifier.issuers, verifier.accepts?.('x1'), verifier.accepts?.('y')], [issuers, true, false])
  issuers.push('https://b.test')
  t.strictSame(verifier.issuers, ['https://a.test'], 'a copy')
  t.strictSame(opaque(() => null).issuers, [])
  t.equal(opaque(() => null).accepts, undefined)
  t.end()
})

t.test('apiKeys: what is too short to be random is not looked up', async t => {
  const asked: string[] = []
  const find = (digest: string): ApiKey => {
    asked.push(digest)
    return { digest, subject: 'robot' }
  }
  const verifier = apiKeys({ prefix: 'acme_', find, clock: settableClock(START) })
  const secret = 'x'.repeat(22)
  for (const key of ['acme_', `acme_${secret.slice(1)}`, `acme${secret}`, `Acme_${secret}`, secret])
    t.equal(await reasonOf(() => verifier.verify(key, context)), 'unknown_token', key)
  t.strictSame(asked, [])
  t.match(await verifier.verify(`acme_${secret}`, context), {
    subject: 'robot',
    audience: [RESOURCE],
    issuer: RESOURCE,
    expiresAt: null
  })
  t.equal(asked.length, 1)
  t.strictSame([verifier.issuers, verifier.accepts?.('acme_x'), verifier.accepts?.('x')], [[], true, false])
})

t.test('apiKeys: the audience is the resource, whatever the row says; an end and an outage are noticed', async t => {
  const { key, digest } = createApiKey('acme_')
  const clock = settableClock(START)
  const ask = (find: () => unknown) => async () =>
    apiKeys({ prefix: 'acme_', find: find as () => ApiKey, clock }).verify(key, context)
  const row = { digest, subject: 'robot', expiresAt: START + 1, audience: 'https://other.test' }
  t.strictSame((await ask(() => row)()).audience, [RESOURCE])
  clock.advance(1)
  t.equal(await reasonOf(ask(() => row)), 'expired')
  await t.rejects(ask(() => Promise.reject(new Error('database')))(), { code: 'FST_OAUTH_UNAVAILABLE' })
  const other = createApiKey('acme_').digest
  for (const found of [null, undefined, { ...row, digest: other }, { ...row, digest: digest.toUpperCase() }])
    t.equal(await reasonOf(ask(() => found)), 'unknown_token')
})

t.test('architecture rule 6: a row without a digest that can be compared is an error of the app', async t => {
  const { key, digest } = createApiKey('acme_')
  const hex = Buffer.from(digest, 'base64url').toString('hex')
  for (const wrong of [undefined, null, '', 7, hex, `${digest}=`, `${digest} `, `\n${digest}`, [digest]]) {
    const find = () => ({ subject: 'robot', digest: wrong }) as unknown as ApiKey
    const ask = apiKeys({ prefix: 'acme_', find }).verify(key, context)
    const error: unknown = await Promise.resolve(ask).catch(error => error)
    t.match(error, { name: 'TypeError', message: /^apiKeys: "find" .*"digest"/ }, JSON.stringify(wrong))
    t.notMatch(error, { message: digest }, 'and does not tell it')
  }
})

t.test('architecture rule 6: a key without a digest is a 500 that the log explains, and lets nobody in', async t => {
  const { key, digest } = createApiKey('acme_')
  const find = () => ({ subject: 'robot', hash: digest }) as unknown as ApiKey
  const lines: string[] = []
  let calls = 0
  const { app } = await createApp(t, {
    options: { verify: apiKeys({ prefix: 'acme_', find }) },
    fastify: { logger: { level: 'error', stream: { write: (line: string) => void lines.push(line) } } },
    routes: app => void app.get('/mcp', { config: { mcpAuth: {} } }, async () => ++calls)
  })
  const response = await app.inject({ url: '/mcp', headers: { authorization: `Bearer ${key}` } })
  t.equal(response.statusCode, 500)
  t.notOk(response.headers['www-authenticate'])
  t.equal(calls, 0)
  t.match(lines.join(''), /apiKeys: .*find/)
  t.notMatch(lines.join('') + response.body, digest)
  t.notMatch(lines.join('') + response.body, key)
})

t.test('apiKeys: options that cannot work stop the boot', t => {
  const find = () => null
  const wrong: object[] = [
    { prefix: 'ab', find },
    { prefix: 'x'.repeat(65), find },
    { prefix: 'a b_', find },
    { prefix: 'acme.', find },
    { prefix: ['acme_'], find },
    { prefix: 'acme_' },
    { prefix: 'acme_', find: {} }
  ]
  for (const options of wrong)
    t.throws(() => apiKeys(options as never), { code: 'FST_OAUTH_OPTION' }, JSON.stringify(options))
  for (const prefix of ['abc', 'A-1', 'x'.repeat(64)]) t.doesNotThrow(() => apiKeys({ prefix, find }))
  t.throws(() => createApiKey('a b'), { code: 'FST_OAUTH_OPTION' })
  t.match(createApiKey('acme_').key, /^acme_[\w-]{43}$/)
  t.end()
})

function named(name: string, more: Partial<Verifier> = {}): Verifier {
  return {
    issuers: [`https://${name}.test`],
    accepts: token => token.startsWith(name),
    verify: async () => ({ ...(whole as Awaited<ReturnType<Verifier['verify']>>), subject: name }),
    ...more
  }
}

t.test('chain: a chain in a chain takes what its members take', async t => {
  const inner = chain(named('b'), named('c'))
  const verifier = chain(
    named('a'),
    inner,
    opaque(() => least)
  )
  for (const name of ['a', 'b', 'c']) t.equal((await verifier.verify(`${name}-token`, context)).subject, name)
  t.equal((await verifier.verify('d', context)).subject, 'alice')
  t.strictSame([inner.accepts?.('b'), inner.accepts?.('a'), verifier.accepts?.('anything')], [true, false, true])
  t.strictSame(chain(named('a'), named('a')).issuers, ['https://a.test'])
})

t.test('chain: events, preparation and health of every member that has some', async t => {
  const told: string[] = []
  const listeners: ((event: never) => void)[] = []
  const busy = (name: string) =>
    named(name, {
      observe: listener => void listeners.push(listener),
      prepare: async () => void told.push(`${name} prepared`),
      health: () => [{ dependency: 'jwks', issuer: name, state: 'up', age: 1 }]
    })
  const verifier = chain(busy('a'), named('b'), busy('c'))
  verifier.observe?.(event => told.push(event.type))
  for (const listener of listeners) listener({ type: 'jwks.refreshed', issuer: 'x' } as never)
  t.strictSame(told, ['jwks.refreshed', 'jwks.refreshed'])
  await verifier.prepare?.()
  t.strictSame(told.slice(2), ['a prepared', 'c prepared'])
  t.strictSame(
    verifier.health?.().map(({ issuer }) => issuer),
    ['a', 'c']
  )
  t.strictSame(chain(named('b')).health?.(), [])
})

t.test('chain: what could never be asked stops the boot', t => {
  const greedy = opaque(() => null)
  t.throws(() => chain(), { code: 'FST_OAUTH_OPTION', message: /at least one/ })
  t.throws(() => chain(greedy, named('a')), { code: 'FST_OAUTH_OPTION', message: /verifier 1 takes every/ })
  t.throws(() => chain(named('a'), greedy, greedy), { code: 'FST_OAUTH_OPTION', message: /verifier 2 takes every/ })
  t.doesNotThrow(() => chain(greedy))
  t.doesNotThrow(() => chain(named('a'), named('b')))
  t.end()
})
