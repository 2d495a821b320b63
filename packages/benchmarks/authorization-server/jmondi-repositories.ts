/** What @jmondi/oauth2-server leaves to the app: where things are, and how tokens are signed. */
import { randomUUID } from 'node:crypto'
import {
  DateInterval,
  type GrantIdentifier,
  type JwtInterface,
  JwtService,
  type OAuthAuthCode,
  type OAuthAuthCodeRepository,
  type OAuthClient,
  type OAuthClientRepository,
  OAuthException,
  type OAuthScopeRepository,
  type OAuthToken,
  type OAuthTokenRepository,
  type OAuthUserRepository
} from '@jmondi/oauth2-server'
import { createSigner, LIFETIME } from './access-tokens.ts'
import type { Issuing } from './issuing.ts'

interface Repositories {
  readonly clients: OAuthClientRepository
  readonly codes: OAuthAuthCodeRepository
  readonly accessTokens: OAuthTokenRepository
  readonly scopes: OAuthScopeRepository
  readonly users: OAuthUserRepository
}

const REFRESH_LIFETIME = 86_400

const CODE_AND_REFRESH: GrantIdentifier[] = ['authorization_code', 'refresh_token']
/** The library looks at introspection as at a request for client credentials. */
const MACHINE: GrantIdentifier[] = ['client_credentials']

export function createRepositories({ clientId, redirectUri, introspector, scope: all }: Issuing): Repositories {
  const known = all.split(' ').map(name => ({ name }))
  const clientsById = new Map<string, OAuthClient>(
    [
      { id: clientId, redirectUris: [redirectUri], secret: null },
      { id: introspector.id, redirectUris: [], secret: introspector.secret }
    ].map(client => [
      client.id,
      { ...client, name: client.id, allowedGrants: client.secret === null ? CODE_AND_REFRESH : MACHINE, scopes: known }
    ])
  )
  const codes = new Map<string, OAuthAuthCode>()
  const byRefreshToken = new Map<string, OAuthToken>()
  const byAccessToken = new Map<string, OAuthToken>()
  return {
    clients: {
      getByIdentifier: async id => found(clientsById.get(id)),
      isClientValid: async (grant, { secret, allowedGrants }, presented) =>
        allowedGrants.includes(grant) && (!secret || secret === presented)
    },
    codes: {
      getByIdentifier: async code => found(codes.get(code)),
      issueAuthCode: (client, user, scopes) => ({
        code: randomUUID(),
        client,
        user: user ?? null,
        scopes,
        expiresAt: new DateInterval('1m').getEndDate()
      }),
      persist: async code => void codes.set(code.code, code),
      isRevoked: async code => !codes.has(code),
      revoke: async code => void codes.delete(code)
    },
    accessTokens: {
      issueToken: async (client, scopes, user) => ({
        accessToken: randomUUID(),
        accessTokenExpiresAt: new Date(),
        client,
        user: user ?? null,
        scopes
      }),
      async issueRefreshToken(token) {
        const refreshToken = randomUUID()
        const issued = Object.assign(token, {
          refreshToken,
          refreshTokenExpiresAt: new DateInterval(`${REFRESH_LIFETIME}s`).getEndDate()
        })
        byRefreshToken.set(refreshToken, issued)
        return issued
      },
      persist: async token => void byAccessToken.set(token.accessToken, token),
      async revoke(token) {
        byAccessToken.delete(token.accessToken)
        byRefreshToken.delete(token.refreshToken ?? '')
      },
      isRefreshTokenRevoked: async ({ refreshToken }) => !byRefreshToken.has(refreshToken ?? ''),
      getByRefreshToken: async id => found(byRefreshToken.get(id)),
      getByAccessToken: async id => found(byAccessToken.get(id))
    },
    scopes: {
      getAllByIdentifiers: async names => known.filter(({ name }) => names.includes(name)),
      finalize: async scopes => scopes
    },
    users: { getUserByCredentials: async id => ({ id }) }
  }
}

function found<T>(one: T | undefined): T {
  if (one === undefined) throw OAuthException.badRequest('unknown')
  return one
}

interface Tokens extends JwtInterface {
  readonly keySet: unknown
  readonly lifetime: DateInterval
}

/** Access tokens with ES256, synchronously; codes and refresh tokens as the library makes them by itself. */
export function createTokens({ resource }: Issuing): Tokens {
  const signer = createSigner()
  const own = new JwtService(randomUUID())
  return {
    keySet: signer.keySet,
    lifetime: new DateInterval(`${LIFETIME}s`),
    decode: token => own.decode(token),
    extraTokenFields: () => ({ aud: resource }),
    sign: async payload =>
      typeof payload === 'object' && 'jti' in payload ? signer.sign({ typ: 'at+jwt' }, payload) : own.sign(payload),
    verify: async (token, options) =>
      token.startsWith(ES256) ? signer.verify(token) : own.verify(token, { ...options, algorithms: ['HS256'] })
  }
}

/** Beginning of the header of the access tokens. */
const ES256 = Buffer.from('{"alg":"ES256"').toString('base64url').slice(0, 18)
