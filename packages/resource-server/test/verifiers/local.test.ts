import { type AccessTokenClaims, type AuthorizationServer, OAuthError, UnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { local } from '../../src/index.ts'
import { createApp, RESOURCE } from '../app.ts'

const claims: AccessTokenClaims = {
  iss: 'http://127.0.0.1:3000',
  sub: 'alice',
  aud: RESOURCE,
  exp: 1_800_000_300,
  iat: 1_800_000_000,
  jti: 'j',
  client_id: 'client',
  scope: 'mcp:tools notes:read'
}

/** Only the part of the authorization server that the verifier talks to. */
function authorizationServer(
  verifyAccessToken: AuthorizationServer['verifyAccessToken']
): AuthorizationServer<FastifyRequest> {
  return {
    issuer: 'http://127.0.0.1:3000',
    verifyAccessToken,
    looksLikeOurs: (token: string) => token === 'abc'
  } as unknown as AuthorizationServer<FastifyRequest>
}

const route = { method: 'POST', url: '/mcp', payload: {}, headers: { authorization: 'Bearer abc' } } as const

t.test('RS-4, RS-5: asks the authorization server about the token, for this resource', async t => {
  const asked: string[][] = []
  const verify = local(
    authorizationServer(async (...question) => {
      asked.push(question)
      return { claims: { ...claims }, subject: 'alice', props: null }
    })
  )
  const { app } = await createApp(t, { options: { verify } })
  const response = await app.inject(route)
  t.equal(response.statusCode, 200)
  t.strictSame(asked, [['abc', RESOURCE]])
  t.strictSame(app.mcpAuth.metadata.authorization_servers, ['http://127.0.0.1:3000'])
  t.match(await app.mcpAuth.verify('abc'), {
    subject: 'alice',
    clientId: 'client',
    scopes: ['mcp:tools', 'notes:read'],
    expiresAt: 1_800_000_300
  })
})

t.test('RS-1, architecture rule 6: a verdict is 401, an outage 503', async t => {
  for (const [error, status] of [
    [new OAuthError('invalid_token', 'revoked'), 401],
    [new UnavailableError('storage'), 503]
  ] as const) {
    const verify = local(authorizationServer(() => Promise.reject(error)))
    const { app } = await createApp(t, { options: { verify } })
    t.equal((await app.inject(route)).statusCode, status)
  }
})

t.test('chain: takes what the authorization server recognises, and nothing else', t => {
  const verify = local(authorizationServer(() => Promise.reject(new Error('not asked'))))
  t.strictSame([verify.accepts?.('abc'), verify.accepts?.('other')], [true, false])
  t.end()
})
