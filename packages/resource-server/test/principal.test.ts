import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { approveToken, createPrincipal } from '../src/principal.ts'
import type { AuthInfo, Principal, VerifiedToken } from '../src/types.ts'
import { createApp, RESOURCE, reasonOf } from './app.ts'

const verified: VerifiedToken = {
  subject: 'alice',
  clientId: 'client',
  scopes: ['a'],
  issuer: 'https://issuer.test',
  audience: [RESOURCE],
  expiresAt: 1,
  organization: null,
  claims: { nested: { list: [1] } }
}

t.test('RS-5: no verifier can let a token for somebody else through', async t => {
  const audiences = [[], ['https://other.test'], [`${RESOURCE}/`], [`${RESOURCE}x`], ['http://127.0.0.1:3000'], ['']]
  for (const audience of audiences)
    t.equal(await reasonOf(() => approveToken({ ...verified, audience }, RESOURCE)), 'audience', String(audience))
  t.equal(await reasonOf(() => createPrincipal(approveToken(verified, RESOURCE), 'token')), undefined)
  const { app } = await createApp(t, {
    options: { verify: { issuers: [], verify: () => ({ ...verified, audience: ['https://other.test'] }) } }
  })
  const response = await app.inject({ url: '/mcp', headers: { authorization: 'Bearer abc' } })
  t.equal(response.statusCode, 401)
})

t.test('a principal is frozen all the way down', t => {
  const principal = createPrincipal(approveToken(verified, RESOURCE), 'token')
  const attempts = [
    () => ((principal as { subject: string }).subject = 'mallory'),
    () => (principal.scopes as string[]).push('admin'),
    () => (principal.audience as string[]).push('x'),
    () => ((principal.claims as Record<string, unknown>)['x'] = 1),
    () => (principal.claims as { nested: { list: number[] } }).nested.list.push(2)
  ]
  for (const attempt of attempts) t.throws(attempt, TypeError)
  t.strictSame(principal.scopes, ['a'])
  t.end()
})

t.test('a cyclic claim and one that cannot be frozen do no harm', t => {
  const claims: Record<string, unknown> = { bytes: new Uint8Array(2) }
  claims['self'] = claims
  t.doesNotThrow(() => approveToken({ ...verified, claims }, RESOURCE))
  t.end()
})

t.test('GEN-6: the token is there for whoever names it, and for no serialiser', async t => {
  let auth: Principal | null = null
  let info: AuthInfo | undefined
  const { app, bearer } = await createApp(t, {
    routes: app => {
      app.get('/x', { config: { mcpAuth: {} } }, async request => {
        auth = request.auth
        info = (request.raw as { auth?: AuthInfo }).auth
        return { auth, info }
      })
    }
  })
  const headers = await bearer()
  const token = headers.authorization.slice(7)
  const response = await app.inject({ url: '/x', headers })
  t.equal(response.statusCode, 200)
  t.notMatch(response.body, token)
  for (const holder of [auth, info]) {
    t.equal((holder as { token?: string } | null | undefined)?.token, token)
    t.notMatch(JSON.stringify(holder), token)
    t.notMatch(JSON.stringify({ ...(holder as object | null) }), token)
    t.notMatch(inspect(holder, { depth: 9 }), token)
  }
})

t.test('GEN-6: a log at trace has no token in it, whatever happens to the request', async t => {
  let log = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += String(chunk)
      done()
    }
  })
  const { app, bearer, issuer, clock } = await createApp(t, {
    fastify: { logger: { level: 'trace', stream } },
    options: { operations: { 'tools/call': ['tools'] } },
    routes: app => {
      app.post('/mcp', { config: { mcpAuth: {} } }, async request => {
        request.log.info({ auth: request.auth, info: (request.raw as { auth?: AuthInfo }).auth }, 'called')
        return 1
      })
    }
  })
  const tokens: string[] = []
  const send = async (
    authorization: string,
    payload: object = { jsonrpc: '2.0', id: 1, method: 'ping' }
  ): Promise<number> => {
    tokens.push(authorization.replace(/^Bearer /, ''))
    return (await app.inject({ method: 'POST', url: '/mcp', headers: { authorization }, payload })).statusCode
  }
  const good = await bearer()
  t.equal(await send(good.authorization), 200)
  t.equal(await send(good.authorization, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } }), 403)
  for (const { token } of await issuer.wrong({ resource: RESOURCE })) t.equal(await send(`Bearer ${token}`), 401)
  t.equal(await send(`Bearer ${'x'.repeat(9000)}`), 400)
  t.equal(await send('Bearer secret"\\injected'), 401)
  issuer.outage = true
  clock.advance(100_000)
  t.equal(await send((await bearer()).authorization), 503)
  t.match(log, '"called"')
  t.match(log, 'incoming request')
  for (const token of tokens.filter(value => value.length > 12)) {
    t.notMatch(log, token)
    const [, claims, signature] = token.split('.')
    for (const part of [claims, signature]) if (part && part.length > 12) t.notMatch(log, part)
  }
})

t.test('log injection: nothing of a token gets into headers, bodies or lines of the log', async t => {
  const issuer = await createTestIssuer({ clock: settableClock(1_800_000_000) })
  const { app } = await createApp(t)
  const evil = 'EVIL"\r\nset-cookie: a=b\u2028'
  const claims = { sub: evil, scope: evil, iss: evil, aud: evil, client_id: evil }
  const changes = [{ claims }, { header: { kid: evil } }, { header: { typ: evil } }, { claims: { scope: evil } }]
  for (const change of changes) {
    const token = await issuer.mint({ resource: RESOURCE, ...change })
    const response = await app.inject({ url: '/mcp', headers: { authorization: `Bearer ${token}` } })
    t.equal(response.statusCode, 401)
    t.notMatch(JSON.stringify(response.headers) + response.body, 'EVIL')
  }
})

t.test('app.mcpAuth.verify checks a token that came another way', async t => {
  const { app, issuer } = await createApp(t)
  const principal = await app.mcpAuth.verify(
    await issuer.mint({ resource: RESOURCE, scopes: ['a', 'b'], claims: { org_id: 'o1' } })
  )
  t.match(principal, { subject: 'alice', scopes: ['a', 'b'], organization: 'o1', scheme: 'Bearer' })
  const other = await issuer.mint({ resource: 'https://other.test' })
  t.equal(await reasonOf(() => app.mcpAuth.verify(other)), 'audience')
  t.equal(await reasonOf(() => app.mcpAuth.verify('a b')), 'not_a_jwt')
})

t.test('cache rule 7: a verifier that fills one object anew for every token mixes up nobody', async t => {
  const shared = { ...verified, scopes: ['mcp:tools'], claims: { name: '' } as Record<string, unknown> }
  const { app } = await createApp(t, {
    options: {
      verify: {
        issuers: [],
        verify: token => Object.assign(shared, { subject: token, claims: { name: token } })
      }
    },
    routes: app => {
      app.get('/x', { config: { mcpAuth: {} } }, async request => {
        await new Promise(resolve => setImmediate(resolve))
        return [request.auth?.subject, request.auth?.claims['name'], request.auth?.token]
      })
    }
  })
  const asked = ['alice', 'bob', 'alice', 'carol'].map(async token => {
    const response = await app.inject({ url: '/x', headers: { authorization: `Bearer ${token}` } })
    t.strictSame(response.json(), [token, token, token])
  })
  await Promise.all(asked)
})

t.test('cache rule 7: what a verifier returns is copied, whatever it is made of, and stays its own', async t => {
  const lists = { scopes: ['a'], audience: [RESOURCE] }
  const found = Object.create(
    Object.defineProperties(
      {},
      Object.fromEntries(Object.entries({ ...verified, ...lists }).map(([name, value]) => [name, { get: () => value }]))
    )
  ) as VerifiedToken
  const approved = approveToken(found, RESOURCE)
  t.match(createPrincipal(approved, 'token'), {
    subject: 'alice',
    clientId: 'client',
    scopes: ['a'],
    claims: verified.claims
  })
  lists.scopes.push('admin')
  lists.audience.push('https://other.test')
  t.strictSame([approved.scopes, approved.audience], [['a'], [RESOURCE]])
  t.equal(approveToken(approved, RESOURCE), approved)
})

t.test('AuthInfo: what one request writes to it does not reach the next one with the same token', async t => {
  const seen: string[] = []
  const { app, bearer } = await createApp(t, {
    routes: app => {
      app.get('/x', { config: { mcpAuth: {} } }, async request => {
        const info = (request.raw as { auth?: AuthInfo }).auth
        seen.push(`${info?.resource.href} ${info?.scopes} ${{ ...info }.extra?.['sub']}`)
        info?.scopes.push('admin')
        if (info) info.resource.href = 'https://evil.test'
        return 1
      })
    }
  })
  const headers = await bearer({ scopes: ['a'] })
  for (let round = 0; round < 3; round++) t.equal((await app.inject({ url: '/x', headers })).statusCode, 200)
  t.strictSame(new Set(seen), new Set([`${RESOURCE} a alice`]))
  t.equal(seen.length, 3)
})

t.test(
  'RFC 6750 2.1: a verifier is handed nothing that is no token, unless it says that it looks by itself',
  async t => {
    const handed: string[] = []
    const verify = (token: string): VerifiedToken => {
      handed.push(token)
      return verified
    }
    const junk = ['a b', 'a"b', 'é', 'a,b', '=']
    for (const checksSyntax of [false, true]) {
      const { app } = await createApp(t, { options: { verify: { issuers: [], verify, checksSyntax } } })
      for (const token of junk)
        await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: `Bearer ${token}` } })
      t.equal(await reasonOf(() => app.mcpAuth.verify('x'.repeat(8193))), 'token_too_long')
      t.strictSame(handed.splice(0), checksSyntax ? junk : [])
    }
  }
)
