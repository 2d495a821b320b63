/**
 * `mcpAuthRouter` of the official MCP SDK v1 on Express, with its CORS. The router parses, checks the client and PKCE; codes and tokens are
 * the app's, here maps in memory, with what the provider's contract leaves to it: a code is for one client, one redirect URI and one resource,
 * and for a minute. Access tokens are signed by jose, the library that the SDK itself brings along. A flow has two requests. Leaves out
 * sessions, consent, grants, digests, events. Rate limits are off, as for everybody.
 */
import { randomUUID } from 'node:crypto'
import { InvalidGrantError, InvalidTargetError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import type { AuthorizationParams, OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import type { OAuthClientInformationFull, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import express from 'express'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { listening } from '../../listen.ts'
import { LIFETIME } from '../access-tokens.ts'
import { type Issuing, type IssuingContender, issuerOf } from '../issuing.ts'

export const contender: IssuingContender = {
  does: 'flow of 2 requests; the router parses and checks, the app keeps codes and tokens in maps and signs with jose',
  leavesOut: 'sessions, consent, grants, digests, expiry of refresh tokens, events, rate limits (off)',
  async start(issuing) {
    const tokens = await createAccessTokens(issuing)
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

interface AccessTokens {
  readonly keySet: { readonly keys: readonly unknown[] }
  issue(held: Granted): Promise<string>
}

async function createAccessTokens(issuing: Issuing): Promise<AccessTokens> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const header = { alg: 'ES256', typ: 'at+jwt', kid: randomUUID() }
  return {
    keySet: { keys: [{ ...(await exportJWK(publicKey)), kid: header.kid, alg: 'ES256', use: 'sig' }] },
    issue: ({ user, clientId, scope, resource }) =>
      new SignJWT({ client_id: clientId, scope })
        .setProtectedHeader(header)
        .setIssuer(issuerOf(issuing))
        .setSubject(user)
        .setAudience(resource)
        .setIssuedAt()
        .setExpirationTime(`${LIFETIME}s`)
        .setJti(randomUUID())
        .sign(privateKey)
  }
}

interface Granted {
  readonly user: string
  readonly clientId: string
  readonly scope: string
  readonly resource: string
}

interface Code extends Granted {
  readonly challenge: string
  readonly redirectUri: string
  /** Milliseconds. */
  readonly expiresAt: number
}

const CODE_LIFETIME = 60_000

function createProvider(
  { clientId, redirectUri, scope: all, resource: only }: Issuing,
  accessTokens: AccessTokens
): OAuthServerProvider {
  const clients = new Map<string, OAuthClientInformationFull>([
    [clientId, { client_id: clientId, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }]
  ])
  const codes = new Map<string, Code>()
  const refreshTokens = new Map<string, Granted>()
  const issue = async ({ user, clientId: client, scope, resource }: Granted): Promise<OAuthTokens> => {
    const granted = { user, clientId: client, scope, resource }
    const refresh_token = randomUUID()
    refreshTokens.set(refresh_token, granted)
    const access_token = await accessTokens.issue(granted)
    return { access_token, token_type: 'bearer', expires_in: LIFETIME, scope, refresh_token }
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
    async authorize(
      client,
      { redirectUri: to, state, scopes, codeChallenge, resource }: AuthorizationParams,
      response
    ) {
      const code = randomUUID()
      codes.set(code, {
        user: String(response.req.headers['x-user']),
        clientId: client.client_id,
        scope: scopes?.join(' ') ?? all,
        resource: resource?.href ?? only,
        challenge: codeChallenge,
        redirectUri: to,
        expiresAt: Date.now() + CODE_LIFETIME
      })
      const target = new URL(to)
      target.searchParams.set('code', code)
      if (state !== undefined) target.searchParams.set('state', state)
      response.redirect(target.href)
    },
    challengeForAuthorizationCode: async (_client, code) => known(codes, code).challenge,
    async exchangeAuthorizationCode(client, code, _verifier, to, resource) {
      const held = known(codes, code)
      codes.delete(code)
      assertHolder(held, client, resource)
      if (held.redirectUri !== to || held.expiresAt < Date.now()) throw new InvalidGrantError('not good any more')
      return issue(held)
    },
    async exchangeRefreshToken(client, token, _scopes, resource) {
      const held = known(refreshTokens, token)
      refreshTokens.delete(token)
      assertHolder(held, client, resource)
      return issue(held)
    },
    verifyAccessToken: () => Promise.reject(new Error('nothing is protected here'))
  }
}

function known<T>(held: ReadonlyMap<string, T>, key: string): T {
  const found = held.get(key)
  if (!found) throw new InvalidGrantError('unknown or used')
  return found
}

function assertHolder(
  { clientId, resource }: Granted,
  client: OAuthClientInformationFull,
  asked: URL | undefined
): void {
  if (clientId !== client.client_id) throw new InvalidGrantError('of another client')
  if (asked !== undefined && asked.href !== resource) throw new InvalidTargetError('of another resource')
}
