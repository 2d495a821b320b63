import { parseChallenges, UnavailableError } from '@fastify-mcp-auth/core'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createApp, MCP_HEADERS, METADATA_URL, RESOURCE } from './app.ts'

function challengeOf(response: LightMyRequestResponse): { [name: string]: string } {
  const challenges = parseChallenges(String(response.headers['www-authenticate'] ?? ''))
  return { ...(challenges.length === 1 ? challenges[0]?.params : {}) }
}

const route = { method: 'POST', url: '/mcp', payload: {} } as const

t.test('RS-1, RS-2, RS-3: without a token 401, scope and metadata in the challenge, and no error code', async t => {
  const { app } = await createApp(t)
  for (const headers of [{}, { authorization: 'Basic YTpi' }]) {
    const response = await app.inject({ ...route, headers })
    t.equal(response.statusCode, 401)
    t.strictSame(challengeOf(response), { scope: 'mcp:tools', resource_metadata: METADATA_URL })
  }
})

t.test('RS-1, RS-3: a token that is no good is invalid_token, and the handler never runs', async t => {
  let calls = 0
  const { app, bearer, clock } = await createApp(t, {
    routes: app => {
      app.post('/mcp', { config: { mcpAuth: { scopes: ['mcp:tools'] } } }, async () => ++calls)
    }
  })
  const expired = await bearer({ scopes: ['mcp:tools'], expiresIn: 60 })
  clock.advance(3600)
  const bad = ['Bearer', 'Bearer ', 'Bearer a b', 'bearer \u00fc', 'Bearer "', 'Bearer garbage', expired.authorization]
  for (const authorization of bad) {
    const response = await app.inject({ ...route, headers: { authorization } })
    t.equal(response.statusCode, 401, authorization)
    const { error, scope, resource_metadata } = challengeOf(response)
    t.strictSame(
      { error, scope, resource_metadata },
      { error: 'invalid_token', scope: 'mcp:tools', resource_metadata: METADATA_URL }
    )
    t.equal(response.json().error, 'invalid_token')
  }
  t.equal(calls, 0)
})

t.test('TR-9: what is wrong with the authorization of a JSON-RPC call is 401 or 403, never a bare 400', async t => {
  const { app, bearer } = await createApp(t)
  const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {} } }
  const { authorization: narrow } = await bearer({ scopes: [] })
  const statusOf = async (headers: { [name: string]: string }): Promise<number> =>
    (await app.inject({ ...route, payload, headers: { ...MCP_HEADERS, ...headers } })).statusCode
  for (const authorization of ['', 'Bearer', 'Bearer ', 'Bearer garbage', 'Basic YTpi', 'DPoP x', 'Bearer a.b.c'])
    t.equal(await statusOf({ authorization }), 401, authorization)
  t.equal(await statusOf({}), 401)
  t.equal(await statusOf({ authorization: narrow }), 403)
})

t.test('RFC 6750 2.1: the scheme is read without case and may be followed by several spaces', async t => {
  const { app, bearer } = await createApp(t)
  const { authorization } = await bearer({ scopes: ['mcp:tools'] })
  for (const header of [authorization.replace('Bearer', 'bEARER'), authorization.replace(' ', '   ')])
    t.equal((await app.inject({ ...route, headers: { authorization: header } })).statusCode, 200)
})

t.test('RS-8: two Authorization headers are invalid_request, whichever is good', async t => {
  const { app, bearer } = await createApp(t)
  const { authorization } = await bearer({ scopes: ['mcp:tools'] })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const { request } = await import('node:http')
  const statusOf = (values: string[]): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = values.flatMap(value => ['Authorization', value])
      const outgoing = request(`${url}/mcp`, { headers: ['Host', new URL(url).host, ...headers] })
      outgoing.on('response', response => resolve(response.resume().statusCode)).on('error', reject)
      outgoing.end()
    })
  t.equal(await statusOf([authorization]), 200, 'one is fine')
  t.equal(await statusOf([authorization, 'Bearer other']), 400)
  t.equal(await statusOf(['Bearer other', authorization]), 400)
  t.equal(await statusOf([authorization, authorization]), 400)
})

t.test(
  'token in the query, RS-8, RS-15: a second token in the query is invalid_request; alone it is no token at all',
  async t => {
    const { app, bearer } = await createApp(t)
    const headers = await bearer({ scopes: ['mcp:tools'] })
    const token = headers.authorization.slice(7)
    const both = await app.inject({ ...route, url: `/mcp?access_token=${token}`, headers })
    t.equal(both.statusCode, 400)
    t.equal(challengeOf(both).error, 'invalid_request')
    t.equal(challengeOf(both).resource_metadata, METADATA_URL)
    const alone = await app.inject({ ...route, url: `/mcp?access_token=${token}` })
    t.equal(alone.statusCode, 401)
    t.notOk(challengeOf(alone).error)
  }
)

t.test('RS-8: a second token in a form is invalid_request; alone it is no token at all', async t => {
  const { app, bearer } = await createApp(t, {
    before: async app => void (await app.register(import('@fastify/formbody')))
  })
  const auth = await bearer({ scopes: ['mcp:tools'] })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const payload = `access_token=${auth.authorization.slice(7)}`
  const both = await app.inject({ ...route, headers: { ...auth, ...form }, payload })
  t.equal(both.statusCode, 400)
  t.equal(challengeOf(both).error, 'invalid_request')
  t.equal((await app.inject({ ...route, headers: form, payload })).statusCode, 401)
})

t.test('oversize, RFC 6750 3.1: a token of more than 8,192 characters is refused unseen', async t => {
  let seen = 0
  const { app } = await createApp(t, {
    options: {
      verify: {
        issuers: ['https://issuer.test'],
        verify: () => {
          seen++
          throw new Error('must not be asked')
        }
      }
    }
  })
  const response = await app.inject({ ...route, headers: { authorization: `Bearer ${'a'.repeat(8193)}` } })
  t.equal(response.statusCode, 400)
  t.equal(seen, 0)
})

t.test('architecture rule 6: an outage is 503 with Retry-After, without a challenge and without its cause', async t => {
  const { app } = await createApp(t, {
    options: {
      verify: {
        issuers: ['https://issuer.test'],
        verify: async () => {
          throw new UnavailableError('db-7.internal does not answer', { retryAfter: 7 })
        }
      }
    }
  })
  const response = await app.inject({ ...route, headers: { authorization: 'Bearer abc' } })
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '7')
  t.notOk(response.headers['www-authenticate'])
  t.equal(response.json().error, 'temporarily_unavailable')
  t.notMatch(response.body, /db-7/)
  const mcp = await app.inject({ ...route, headers: { ...MCP_HEADERS, authorization: 'Bearer abc' } })
  t.match(mcp.json(), { jsonrpc: '2.0', error: { code: -32603, data: { error: 'temporarily_unavailable' } } })
})

t.test('a verifier that breaks is a 500 and never lets anybody in', async t => {
  const verify = async (): Promise<never> => {
    throw new TypeError('a bug')
  }
  const { app } = await createApp(t, { options: { verify: { issuers: ['https://issuer.test'], verify } } })
  const response = await app.inject({ ...route, headers: { authorization: 'Bearer abc' } })
  t.equal(response.statusCode, 500)
  t.notOk(response.headers['www-authenticate'])
})

t.test('TR-6: on a protected path 401 comes before 400 and before 415', async t => {
  const { app } = await createApp(t)
  const broken = { ...route, payload: '{', headers: { 'content-type': 'application/json' } }
  t.equal((await app.inject(broken)).statusCode, 401)
  t.equal((await app.inject({ ...route, payload: 'x', headers: { 'content-type': 'image/png' } })).statusCode, 401)
  t.equal((await app.inject({ method: 'GET', url: '/mcp' })).statusCode, 401)
  t.equal((await app.inject({ method: 'DELETE', url: '/mcp' })).statusCode, 401)
})

t.test('a path that does not exist stays 404, with or without a token', async t => {
  const { app, bearer } = await createApp(t, { options: { protect: ['/mcp'] } })
  t.equal((await app.inject({ method: 'POST', url: '/mcp/nothing', headers: await bearer() })).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: '/nothing' })).statusCode, 404)
  const response = await app.inject({ method: 'POST', url: '/nothing', headers: await bearer() })
  t.equal(response.statusCode, 404)
  t.notOk(response.headers['www-authenticate'])
})

t.test('MCP clients get the refusal as a JSON-RPC error without id, others in the shape of OAuth', async t => {
  const { app } = await createApp(t)
  const headers = { authorization: 'Bearer garbage' }
  const mcp = await app.inject({ ...route, headers: { ...MCP_HEADERS, ...headers } })
  const description = 'the token is not a signed JWT'
  t.strictSame(mcp.json(), {
    jsonrpc: '2.0',
    error: { code: -32001, message: description, data: { error: 'invalid_token', error_description: description } }
  })
  t.match(mcp.headers['content-type'], /^application\/json/)
  t.equal(mcp.headers['content-length'], String(Buffer.byteLength(mcp.body)))
  const other = await app.inject({ ...route, headers })
  t.strictSame(other.json(), { error: 'invalid_token', error_description: description })
})

t.test('RS-3: without credentials the body has no error code either, whoever asks', async t => {
  const { app } = await createApp(t)
  const description = 'an access token is needed'
  for (const authorization of ['', 'Basic YTpi', 'DPoP x']) {
    const headers = authorization === '' ? {} : { authorization }
    const plain = await app.inject({ ...route, headers })
    t.equal(plain.statusCode, 401)
    t.strictSame(plain.json(), { error_description: description }, authorization)
    const mcp = await app.inject({ ...route, headers: { ...MCP_HEADERS, ...headers } })
    t.equal(mcp.statusCode, 401)
    t.strictSame(
      mcp.json(),
      { jsonrpc: '2.0', error: { code: -32001, message: description, data: { error_description: description } } },
      authorization
    )
    t.match(mcp.headers['content-type'], /^application\/json/)
    t.equal(mcp.headers['content-length'], String(Buffer.byteLength(mcp.body)))
  }
})

t.test('RFC 9110 11.6.1: nothing in a scope or path can break out of the challenge', async t => {
  const { app } = await createApp(t, {
    options: { resource: "http://127.0.0.1:3000/a'b,c=d" },
    routes: app => {
      app.post('/mcp', { config: { mcpAuth: { scopes: ["a'b", 'c,d', 'e=f'] } } }, async () => 1)
    }
  })
  t.equal(challengeOf(await app.inject(route)).scope, "a'b c,d e=f")
  t.match(challengeOf(await app.inject(route)).resource_metadata, "/a'b,c=d")
})

t.test('RS-16, RS-17: every request needs its token, whatever session or connection it belongs to', async t => {
  const { app, bearer } = await createApp(t, { options: { sessionBinding: false } })
  const url = new URL('/mcp', await app.listen({ port: 0, host: '127.0.0.1' }))
  const session = { 'mcp-session-id': 'known', cookie: 'session=known' }
  const first = await fetch(url, {
    method: 'DELETE',
    headers: { ...session, ...(await bearer({ scopes: ['mcp:tools'] })) }
  })
  t.equal(first.status, 200)
  for (const method of ['GET', 'POST', 'DELETE'])
    t.equal((await fetch(url, { method, headers: session })).status, 401, method)
})

t.test(
  'RS-3: a refusal that was written before is that of this route, this reason and this kind of client',
  async t => {
    const { app, issuer } = await createApp(t, {
      routes: app => {
        for (const scope of ['a', 'b'])
          app.get(`/${scope}`, { config: { mcpAuth: { scopes: [scope] } } }, async () => 1)
      }
    })
    const expired = await issuer.mint({ resource: RESOURCE, expiresIn: -60 })
    const foreign = await issuer.mint({ resource: 'https://other.test' })
    const reasons: [string, RegExp][] = [
      [expired, /expired/],
      [foreign, /not for this resource/],
      ['x.y.z', /not a signed JWT/]
    ]
    for (let round = 0; round < 3; round++)
      for (const scope of ['a', 'b'])
        for (const [token, reason] of reasons)
          for (const accept of ['application/json', 'text/event-stream']) {
            const response = await app.inject({
              url: `/${scope}`,
              headers: { authorization: `Bearer ${token}`, accept }
            })
            t.equal(response.statusCode, 401)
            const challenge = challengeOf(response)
            t.match(challenge, {
              error: 'invalid_token',
              error_description: reason,
              scope,
              resource_metadata: METADATA_URL
            })
            const body = response.json()
            t.match(accept === 'application/json' ? body : body.error.data, {
              error: 'invalid_token',
              error_description: reason
            })
            t.equal(body.jsonrpc, accept === 'application/json' ? undefined : '2.0')
          }
  }
)
