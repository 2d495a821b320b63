import { isOAuthError } from '@fastify-mcp-auth/core'
import fc from 'fast-check'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { assertToken, readBearerToken } from '../src/bearer-token.ts'
import { createApp } from './app.ts'

function read(authorization: string | undefined): string | null {
  const headers = authorization === undefined ? {} : { authorization }
  const rawHeaders = authorization === undefined ? [] : ['Authorization', authorization]
  const found = readBearerToken({ headers, raw: { rawHeaders }, query: {} } as unknown as FastifyRequest)
  return found === null ? null : assertToken(found)
}

t.test('RFC 6750 2.1: whatever a header says, the answer is a token of that header, nothing, or an OAuth error', t => {
  const words = fc.constantFrom(
    'Bearer',
    'bearer',
    'Basic',
    ' ',
    '  ',
    ',',
    '=',
    '"',
    '\t',
    'abc',
    'a.b-c_d~e+f/g',
    'ü',
    ''
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 8 }), parts => {
      const header = parts.join('')
      try {
        const token = read(header)
        return token === null || (/^[\w.~+/-]+=*$/.test(token) && header.endsWith(token))
      } catch (error) {
        return isOAuthError(error)
      }
    }),
    { numRuns: 500 }
  )
  t.end()
})

t.test('RFC 6750 2.1: every token of the grammar is read as it is', t => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,60}={0,2}$/), token => read(`Bearer ${token}`) === token)
  )
  t.equal(read(undefined), null)
  t.equal(read('Bearerabc'), null, 'another scheme')
  t.equal(read('BearerX abc'), null)
  t.end()
})

t.test('RFC 9449 7.1: where strangers may come in, whoever shows a token in another way is no stranger', async t => {
  const { app, bearer } = await createApp(t, {
    routes: app => {
      app.get('/x', { config: { mcpAuth: { optional: true } } }, async request => ({ who: request.auth?.subject }))
    }
  })
  const { authorization } = await bearer()
  const token = authorization.slice(7)
  const ask = (header: string) => app.inject({ url: '/x', headers: { authorization: header } })
  for (const header of ['Bearer', `Bearer\t${token}`, `Bearer,${token}`, `Bearer:${token}`, `bearer=${token}`]) {
    const response = await ask(header)
    t.equal(response.statusCode, 401, header.slice(0, 8))
    t.match(response.headers['www-authenticate'], 'error="invalid_token"')
  }
  for (const scheme of ['DPoP', 'dpop', 'DPOP']) {
    const response = await ask(`${scheme} ${token}`)
    t.equal(response.statusCode, 401, scheme)
    t.match(response.headers['www-authenticate'], /^Bearer /)
    t.notMatch(response.headers['www-authenticate'], 'error=')
  }
  t.strictSame((await ask('Basic YTpi')).json(), {}, 'a scheme that carries no access token may be for somebody else')
  t.strictSame((await ask(`Bearers ${token}`)).json(), {})
  t.strictSame((await ask(authorization)).json(), { who: 'alice' })
})

t.test('a token of 8,192 characters is the longest', t => {
  t.equal(assertToken('a'.repeat(8192)).length, 8192)
  t.throws(() => assertToken('a'.repeat(8193)), { message: /too long/ })
  t.end()
})
