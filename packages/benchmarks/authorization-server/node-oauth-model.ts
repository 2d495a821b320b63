/** What @node-oauth/oauth2-server leaves to the app: where things are, and how an access token looks. */
import type OAuth2Server from '@node-oauth/oauth2-server'
import type { AccessTokens } from './access-tokens.ts'
import type { Issuing } from './issuing.ts'

type Model = OAuth2Server.AuthorizationCodeModel & OAuth2Server.RefreshTokenModel

export function createModel({ clientId, redirectUri, scope: all }: Issuing, accessTokens: AccessTokens): Model {
  const client = { id: clientId, redirectUris: [redirectUri], grants: ['authorization_code', 'refresh_token'] }
  const codes = new Map<string, OAuth2Server.AuthorizationCode>()
  const refreshTokens = new Map<string, OAuth2Server.RefreshToken>()
  const known = all.split(' ')
  return {
    getClient: async id => (id === clientId ? client : null),
    validateScope: async (_user, _client, scope) => (scope?.every(name => known.includes(name)) ? scope : false),
    generateAccessToken: async (_client, user, scope) => accessTokens.issue(String(user['id']), scope.join(' ')),
    async saveAuthorizationCode(code, savedFor, user) {
      const saved = { ...code, client: savedFor, user }
      codes.set(code.authorizationCode, saved)
      return saved
    },
    getAuthorizationCode: async code => codes.get(code) ?? null,
    revokeAuthorizationCode: async ({ authorizationCode }) => codes.delete(authorizationCode),
    async saveToken(token, savedFor, user) {
      const saved = { ...token, client: savedFor, user }
      if (token.refreshToken !== undefined)
        refreshTokens.set(token.refreshToken, { ...saved, refreshToken: token.refreshToken })
      return saved
    },
    getRefreshToken: async token => refreshTokens.get(token) ?? null,
    revokeToken: async ({ refreshToken }) => refreshTokens.delete(refreshToken),
    getAccessToken: async () => null
  }
}
