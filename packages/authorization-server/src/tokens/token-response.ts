/**
 * @see RFC 6749 section 5.1
 */
import { formatScope, type TokenResponse } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import { type IssuedToken, signAccessToken } from './access-token.ts'
import { formatRefreshToken, type RefreshToken } from './refresh-token.ts'

/** Makes the tokens; stores nothing. `scope` is always told, because a person may have allowed less than was asked. */
export async function tokenResponse(
  server: ServerContext,
  issue: IssuedToken & { refreshToken: RefreshToken | null }
): Promise<TokenResponse> {
  const { accessToken, expiresIn } = await signAccessToken(server, issue)
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresIn,
    scope: formatScope(issue.scopes),
    ...(issue.refreshToken ? { refresh_token: formatRefreshToken(issue.refreshToken) } : {})
  }
}
