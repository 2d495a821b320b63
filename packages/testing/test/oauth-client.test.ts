import { codeChallengeOf } from '@fastify-mcp-auth/core'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { createOAuthClient, type OAuthClientOptions } from '../src/index.ts'

const ORIGIN = 'http://127.0.0.1:3000'
const RESOURCE = `${ORIGIN}/mcp`

interface Recorded {
  method: string
  path: string
  query: URLSearchParams
  body: URLSearchParams
  cookie: string
  authorization: string
}

interface Behaviour {
  issuerInMetadata?: string
  /** Parameters that the answer of the authorization endpoint gets instead of the right ones. */
  answer?: Record<string, string>
  registration?: Record<string, unknown>
}

/** The smallest server that a client can walk through; it records what it was asked, and judges nothing. */
function tinyServer(behaviour: Behaviour = {}): { app: FastifyInstance; seen: Recorded[] } {
  const app = Fastify()
  const seen: Recorded[] = []
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.addHook('preHandler', async request => {
    const { pathname, searchParams } = new URL(request.url, ORIGIN)
    const body = new URLSearchParams(typeof request.body === 'string' ? request.body : '')
    const { cookie = '', authorization = '' } = request.headers
    seen.push({ method: request.method, path: pathname, query: searchParams, body, cookie, authorization })
  })
  app.post('/mcp', (_request, reply) =>
    reply.code(401).header('www-authenticate', `Bearer resource_metadata="${ORIGIN}/prm", scope="a b"`).send({})
  )
  app.get('/prm', async () => ({ resource: RESOURCE, authorization_servers: [ORIGIN] }))
  app.get('/.well-known/oauth-authorization-server', async () => ({
    issuer: behaviour.issuerInMetadata ?? ORIGIN,
    authorization_endpoint: `${ORIGIN}/authorize`,
    token_endpoint: `${ORIGIN}/token`,
    registration_endpoint: `${ORIGIN}/register`,
    revocation_endpoint: `${ORIGIN}/revoke`
  }))
  app.post('/register', (_request, reply) => reply.code(201).send({ client_id: 'c1', ...behaviour.registration }))
  const html = (form: string): string => `<html><body>${form}</body></html>`
  app.get('/authorize', (request, reply) =>
    reply
      .header('set-cookie', `state=${new URL(request.url, ORIGIN).searchParams.get('state')}; Path=/`)
      .redirect('/login', 303)
  )
  app.get('/login', (_request, reply) =>
    reply.type('text/html').send(html('<form method=post><input name=user><input type=password name=pass></form>'))
  )
  app.post('/login', (_request, reply) => reply.redirect('/consent', 303))
  app.get('/consent', (_request, reply) =>
    reply.type('text/html').send(
      html(`<form method=post action="/decide"><input type=checkbox name=scope value=a checked>
        <button name=decision value=deny>No</button><button name=decision value=allow>Yes</button></form>`)
    )
  )
  app.post('/decide', (request, reply) => {
    const state = /state=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    const allowed = new URLSearchParams(String(request.body)).get('decision') === 'allow'
    const answer = { ...(allowed ? { code: 'code1' } : { error: 'access_denied' }), state, iss: ORIGIN }
    const query = new URLSearchParams({ ...answer, ...behaviour.answer })
    return reply.redirect(`http://127.0.0.1:49152/callback?${query}`, 303)
  })
  app.post('/token', async () => ({ access_token: 'at', token_type: 'Bearer', refresh_token: 'rt' }))
  app.post('/revoke', async () => ({}))
  return { app, seen }
}

function setUp(behaviour?: Behaviour, options?: Partial<OAuthClientOptions>) {
  const { app, seen } = tinyServer(behaviour)
  const client = createOAuthClient({ app, resource: RESOURCE, username: 'alice', password: 'pw', ...options })
  return { client, asked: (path: string) => seen.filter(request => request.path === path).at(-1), seen }
}

t.test('goes from a 401 to tokens, signing in and consenting on the way', async t => {
  const { client, asked, seen } = setUp()
  const tokens = await client.connect({ scope: 'a', scopes: [] })
  t.equal(tokens.access_token, 'at')
  t.equal(asked('/authorize')?.query.get('scope'), 'a')
  t.equal(asked('/authorize')?.query.get('resource'), RESOURCE)
  t.equal(
    seen.find(({ method, path }) => method === 'POST' && path === '/login')?.body.toString(),
    'user=alice&pass=pw'
  )
  t.equal(asked('/decide')?.body.toString(), 'decision=allow')
  const challenge = asked('/authorize')?.query.get('code_challenge')
  t.equal(codeChallengeOf(asked('/token')?.body.get('code_verifier') ?? ''), challenge)
  t.equal((await client.discover()).challengedScope, 'a b')
})

t.test('RFC 6749 4.1.2.1: a refusal is an answer, not an exception', async t => {
  const { client, asked } = setUp()
  const answer = await client.authorize({ decision: 'deny' })
  t.equal(answer.error, 'access_denied')
  t.equal(answer.code, null)
  t.equal(asked('/decide')?.body.get('scope'), 'a')
  await t.rejects(client.connect({ decision: 'deny' }), { message: /access_denied/ })
  t.equal(asked('/token'), undefined)
})

t.test('AZ-17: an answer with another issuer or state is refused before the code goes anywhere', async t => {
  for (const answer of [{ iss: 'http://evil.example' }, { state: 'other' }]) {
    const { client, asked } = setUp({ answer })
    await t.rejects(client.connect(), { message: /issuer|state/ })
    t.equal(asked('/token'), undefined)
  }
})

t.test('CD-7: metadata of another issuer is not used', async t => {
  const { client, asked } = setUp({ issuerInMetadata: `${ORIGIN}/` })
  await t.rejects(client.connect(), { message: /issuer/ })
  t.equal(asked('/register'), undefined)
})

t.test('every parameter can be replaced, repeated or left out', async t => {
  const { client, asked } = setUp(undefined, { clientId: 'known' })
  const parameters = { code_challenge: null, resource: ['x', 'y'], prompt: 'login' }
  const answer = await client.authorize({ parameters })
  const query = asked('/authorize')?.query
  t.equal(query?.get('code_challenge'), null)
  t.strictSame(query?.getAll('resource'), ['x', 'y'])
  t.equal(query?.get('prompt'), 'login')
  await client.redeem(answer, { code_verifier: 'wrong', client_id: null })
  t.equal(asked('/token')?.body.get('code_verifier'), 'wrong')
  t.notOk(asked('/token')?.body.has('client_id'))
  await client.refresh('rt', { scope: 'a' })
  t.equal(asked('/token')?.body.get('grant_type'), 'refresh_token')
  await client.revoke('at', { token_type_hint: 'access_token' })
  t.equal(asked('/revoke')?.body.toString(), 'token=at&token_type_hint=access_token&client_id=known')
  t.equal(asked('/register'), undefined)
})

t.test('RFC 6749 2.3.1: a client with a secret authenticates as it was registered', async t => {
  const basic = setUp({ registration: { client_secret: 's e:c' } })
  await basic.client.connect()
  t.equal(basic.asked('/token')?.authorization, `Basic ${btoa('c1:s+e%3Ac')}`)
  t.notOk(basic.asked('/token')?.body.has('client_secret'))
  const post = setUp({ registration: { client_secret: 's', token_endpoint_auth_method: 'client_secret_post' } })
  await post.client.connect()
  t.equal(post.asked('/token')?.body.get('client_secret'), 's')
  t.equal(post.asked('/token')?.authorization, '')
})

t.test('takes the issuer alone, for servers that only issue', async t => {
  const { client, asked } = setUp(undefined, { issuer: ORIGIN })
  t.equal((await client.discover()).resource, null)
  t.equal(asked('/mcp'), undefined)
  t.equal((await client.connect()).refresh_token, 'rt')
})

t.test('asks over HTTP when there is no app, and follows no redirect by itself', async t => {
  const { app } = tinyServer()
  t.teardown(() => app.close())
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const client = createOAuthClient({ resource: `${address}/mcp` })
  const response = await client.send({ method: 'GET', url: `${address}/authorize?state=s` })
  t.equal(response.statusCode, 303)
  t.strictSame(response.headers['set-cookie'], ['state=s; Path=/'])
  t.equal((await client.browser.open(`${address}/authorize?state=s`)).url, `${address}/login`)
})
