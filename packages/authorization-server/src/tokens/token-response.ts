/**
 * @see RFC 6749 section 5.1
 */
import { formatScope, type TokenResponse } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import { signAccessToken } from './access-token.ts'
import { formatRefreshToken, type RefreshToken } from './refresh-token.ts'

/** Makes the tokens; stores nothing. `scope` is always told, because a person may have allowed less than was asked. */
export async function tokenResponse(
  server: ServerContext,
  issue: { grantId: string; grant: GrantRecord; scopes: readonly string[]; refreshToken: RefreshToken | null }
): Promise<TokenResponse> {
  return {
    access_token: await signAccessToken(server, issue),
    token_type: 'Bearer',
    expires_in: server.options.accessTokenTtl,
    scope: formatScope(issue.scopes),
    ...(issue.refreshToken ? { refresh_token: formatRefreshToken(issue.refreshToken) } : {})
  }
}
