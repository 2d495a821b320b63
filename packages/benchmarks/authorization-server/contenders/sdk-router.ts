/**
 * `mcpAuthRouter` of the official MCP SDK v1 on Express. The router parses, checks the client and PKCE; codes and tokens are the app's,
 * here maps in memory and a synchronous signature. A flow has two requests. Leaves out sessions, consent, grants, digests, events;
 * nothing ever expires. Rate limits are off.
 */
import { randomUUID } from 'node:crypto'
import { InvalidGrantError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import type { AuthorizationParams, OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import express from 'express'
import { listening } from '../../listen.ts'
import { type AccessTokens, createAccessTokens, LIFETIME } from '../access-tokens.ts'
import { type Issuing, type IssuingContender, issuerOf } from '../issuing.ts'

export const contender: IssuingContender = {
  does: 'flow of 2 requests; the router parses and checks, the app keeps codes and tokens in maps',
  leavesOut: 'sessions, consent, grants, digests, expiry, events, rate limits (off)',
  start(issuing) {
    const tokens = createAccessTokens(issuing)
    const app = express()
    app.use(
      mcpAuthRouter({
        provider: createProvider(issuing, tokens),
        issuerUrl: new URL(issuerOf(issuing)),
        scopesSupported: issuing.scope.split(' '),
        authorizationOptions: { rateLimit: false },
        tokenOptions: { rateLimit: false },
        clientRegistrationOptions: { rateLimit: false }
      })
    )
    app.get('/.well-known/jwks.json', (_request, response) => void response.json(tokens.keySet))
    return listening(app.listen(issuing.port, '127.0.0.1'))
  }
}

interface Held {
  readonly user: string
  readonly scope: string
  readonly challenge: string
}

function createProvider(
  { clientId, redirectUri, scope: all }: Issuing,
  accessTokens: AccessTokens
): OAuthServerProvider {
  const clients = new Map<string, OAuthClientInformationFull>([
    [clientId, { client_id: clientId, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }]
  ])
  const codes = new Map<string, Held>()
  const refreshTokens = new Map<string, Held>()
  const issue = (held: Held): OAuthTokens => {
    const refresh_token = randomUUID()
    refreshTokens.set(refresh_token, held)
    const { user, scope } = held
    return {
      access_token: accessTokens.issue(user, scope),
      token_type: 'bearer',
      expires_in: LIFETIME,
      scope,
      refresh_token
    }
  }
  return {
    clientsStore: {
      getClient: id => clients.get(id),
      registerClient(client) {
        const registered = { client_id: randomUUID(), ...client }
        clients.set(registered.client_id, registered)
        return registered
      }
    },
    async authorize(_client, { redirectUri: to, state, scopes, codeChallenge }: AuthorizationParams, response) {
      const code = randomUUID()
      const user = String(response.req.headers['x-user'])
      codes.set(code, { user, scope: scopes?.join(' ') ?? all, challenge: codeChallenge })
      const target = new URL(to)
      target.searchParams.set('code', code)
      if (state !== undefined) target.searchParams.set('state', state)
      response.redirect(target.href)
    },
    challengeForAuthorizationCode: async (_client, code) => take(codes, code, false).challenge,
    exchangeAuthorizationCode: async (_client, code) => issue(take(codes, code, true)),
    exchangeRefreshToken: async (_client, token) => issue(take(refreshTokens, token, true)),
    verifyAccessToken: () => Promise.reject(new Error('nothing is protected here'))
  }
}

function take(held: Map<string, Held>, key: string, last: boolean): Held {
  const found = held.get(key)
  if (!found) throw new InvalidGrantError('unknown or used')
  if (last) held.delete(key)
  return found
}
