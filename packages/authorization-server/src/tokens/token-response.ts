/**
 * @see RFC 6749 section 5.1
 */
import { formatScope, type TokenResponse } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import { makeIdToken } from '../openid/id-token.ts'
import type { GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { makeAccessToken } from './access-token.ts'
import { withToken } from './kept-token.ts'
import { openPropsKey, wrapPropsKey } from './props.ts'
import { formatRefreshToken, type RefreshToken } from './refresh-token.ts'

export interface TokenIssue {
  readonly grantId: string
  readonly grant: GrantRecord
  /** Of the one resource that the access token is for. */
  readonly policy: ResourcePolicy
  readonly scopes: readonly string[]
  readonly refreshToken: RefreshToken | null
  /** Secret of the code or refresh token that buys this. */
  readonly presented: string
  /** For the ID token. */
  readonly nonce: string | null
}

export interface IssuedTokens {
  readonly response: TokenResponse
  /** Lifetime of the access token in seconds. */
  readonly expiresIn: number
  /** What the grant's record has to say for them to be good; goes into the one conditional write that consumes what was presented. */
  readonly patch: Pick<GrantRecord, 'accessTokens' | 'propsKey'>
}

/** Makes the tokens; stores nothing. `scope` is always told, because a person may have allowed less than was asked. */
export async function issueTokens(server: ServerContext, issue: TokenIssue): Promise<IssuedTokens> {
  const { grant, scopes, refreshToken, presented } = issue
  const propsKey = openPropsKey(grant, presented)
  const { accessToken, expiresIn, kept } = await makeAccessToken(server, { ...issue, propsKey })
  const idToken = await makeIdToken(server, { ...issue, accessToken, expiresIn })
  return {
    expiresIn,
    response: {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
      scope: formatScope(scopes),
      ...(idToken === undefined ? {} : { id_token: idToken }),
      ...(refreshToken ? { refresh_token: formatRefreshToken(refreshToken) } : {})
    },
    patch: {
      accessTokens: withToken(grant, kept, server.clock.now()),
      propsKey: propsKey === null || !refreshToken ? null : wrapPropsKey(propsKey, refreshToken.secret)
    }
  }
}
