import { createTestIssuer } from '@fastify-mcp-auth/testing'
import t from 'tap'
import {
  type ApiKey,
  apiKeys,
  chain,
  createApiKey,
  jwt,
  type OpaqueToken,
  opaque,
  type Verifier
} from '../../src/index.ts'
import { createApp, RESOURCE, reasonOf } from '../app.ts'

const context = { resource: RESOURCE, request: null }
const someone: OpaqueToken = { subject: 'alice', audience: RESOURCE, scopes: ['a'] }

t.test('opaque: what the app says is what the handler sees', async t => {
  const asked: unknown[] = []
  const verify = opaque((token, { request }) => {
    asked.push(token, request?.headers['x-gateway'])
    return { ...someone, clientId: 'web', expiresAt: 4_000_000_000, organization: 'o' }
  })
  const { app } = await createApp(t, {
    options: { verify },
    routes: app => void app.get('/x', { config: { mcpAuth: { scopes: ['a'] } } }, async request => request.auth)
  })
  const headers = { authorization: 'Bearer abc', 'x-gateway': 'g' }
  t.match((await app.inject({ url: '/x', headers })).json(), { subject: 'alice', clientId: 'web', organization: 'o' })
  t.strictSame(asked, ['abc', 'g'])
})

t.test('opaque: null is 401, an exception 503, the audience is checked, an end is noticed', async t => {
  const reason = async (answer: () => unknown): Promise<string | undefined> => {
    const { app } = await createApp(t, { options: { verify: opaque(answer as () => null) } })
    return reasonOf(() => app.mcpAuth.verify('abc'))
  }
  t.equal(await reason(() => null), 'unknown_token')
  t.equal(await reason(() => undefined), 'unknown_token')
  t.equal(await reason(() => ({ ...someone, audience: 'https://other.test' })), 'audience')
  t.equal(await reason(() => ({ ...someone, expiresAt: 1 })), 'expired')
  t.equal(await reason(() => someone), undefined)
  t.match(
    await reason(() => {
      throw new Error('database')
    }),
    /the check of the app failed/
  )
  for (const wrong of [
    { ...someone, subject: 7 },
    { ...someone, audience: undefined },
    { ...someone, scopes: 'a' },
    true
  ])
    t.match(await reason(() => wrong), /TypeError/)
})

t.test('apiKeys: looked up by digest, with scopes of their own, beside OAuth', async t => {
  const { key, digest } = createApiKey('acme_')
  const rows = new Map<string, ApiKey>([[digest, { digest, subject: 'robot', scopes: ['mcp:tools'] }]])
  const issuer = await createTestIssuer()
  const find = (wanted: string): ApiKey | null => rows.get(wanted) ?? null
  const verify = chain(apiKeys({ prefix: 'acme_', find }), jwt({ issuer: issuer.issuer, fetch: issuer.fetch }))
  const { app } = await createApp(t, { options: { verify } })
  const status = async (token: string): Promise<unknown> => {
    const response = await app.inject({ url: '/mcp', headers: { authorization: `Bearer ${token}` } })
    return response.statusCode === 200 ? response.json().subject : response.statusCode
  }
  t.equal(await status(key), 'robot')
  t.equal(await status(await issuer.mint({ resource: RESOURCE, scopes: ['mcp:tools'] })), 'alice')
  for (const wrong of [`${key}x`, key.slice(0, -1), 'acme_', 'acme_short', createApiKey('acme_').key, 'other'])
    t.equal(await status(wrong), 401, wrong)
  rows.set(digest, { digest, subject: 'robot', expiresAt: 1 })
  t.equal(await status(key), 401)
  t.strictSame(app.mcpAuth.metadata.authorization_servers, [issuer.issuer])
  t.notMatch(key, digest)
})

t.test('apiKeys: a store that compares loosely does not let a look-alike in', async t => {
  const { key, digest } = createApiKey('acme_')
  const swapped = digest.replace(/[a-z]/i, letter =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
  )
  const verifier = apiKeys({ prefix: 'acme_', find: () => ({ digest: swapped, subject: 's' }) })
  t.equal(await reasonOf(() => verifier.verify(key, context)), 'unknown_token')
  for (const prefix of ['', 'a', 'a b_', 'x'.repeat(65)])
    t.throws(() => apiKeys({ prefix, find: () => null }), { code: 'FST_OAUTH_OPTION' })
})

t.test('chain: a token goes to the one that recognises it, and a refusal is final', async t => {
  const [a, b] = [
    await createTestIssuer({ issuer: 'https://a.test' }),
    await createTestIssuer({ issuer: 'https://b.test' })
  ]
  let asked = 0
  const last = opaque(() => {
    asked++
    return someone
  })
  const verifier = chain(jwt({ issuer: a.issuer, fetch: a.fetch }), jwt({ issuer: b.issuer, fetch: b.fetch }), last)
  for (const issuer of [a, b])
    t.match(await verifier.verify(await issuer.mint({ resource: RESOURCE }), context), { issuer: issuer.issuer })
  for (const { name, token } of await a.wrong({ resource: RESOURCE })) {
    const isOurs = !/^(iss |alg is |HS256|two parts|four|five|claims are no|claims are an|no JWT|aud )/.test(name)
    if (isOurs) t.type(await reasonOf(() => verifier.verify(token, context)), 'string', name)
  }
  t.equal(asked, 0, 'no fall-through')
  t.match(await verifier.verify('opaque', context), { subject: 'alice' })
  t.equal(asked, 1)
  t.strictSame(verifier.issuers, ['https://a.test', 'https://b.test'])
  t.strictSame(
    verifier.health?.().map(({ issuer }) => issuer),
    ['https://a.test', 'https://a.test', 'https://b.test', 'https://b.test']
  )
})

t.test(
  'chain: without a verifier that takes the token it is refused; a verifier that is never asked stops the boot',
  async t => {
    const issuer = await createTestIssuer()
    const known: Verifier = jwt({ issuer: issuer.issuer, fetch: issuer.fetch })
    t.equal(await reasonOf(() => chain(known).verify('opaque', context)), 'issuer')
    t.equal(issuer.fetches, 0)
    t.throws(() => chain(), { code: 'FST_OAUTH_OPTION' })
    t.throws(
      () =>
        chain(
          opaque(() => null),
          known
        ),
      { code: 'FST_OAUTH_OPTION', message: /last/ }
    )
  }
)

t.test('isRevoked: true is 401, an exception 503, anything but false is no permission', async t => {
  const status = async (isRevoked: () => unknown): Promise<number> => {
    const { app, bearer } = await createApp(t, { options: { isRevoked: isRevoked as () => boolean } })
    return (await app.inject({ url: '/mcp', headers: await bearer({ scopes: ['mcp:tools'] }) })).statusCode
  }
  t.equal(await status(() => false), 200)
  t.equal(await status(async () => false), 200)
  t.equal(await status(async () => true), 401)
  t.equal(await status(() => undefined), 401)
  t.equal(await status(() => Promise.reject(new Error('database'))), 503)
  t.equal(
    await status(() => {
      throw new Error('database')
    }),
    503
  )
})
