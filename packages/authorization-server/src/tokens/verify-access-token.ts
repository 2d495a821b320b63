/**
 * Access tokens as they come back: checked for resource servers in the same process, for introspection, for the userinfo endpoint.
 * Always with the grant behind the token, so that a revocation bites at once.
 *
 * @see RFC 9068 section 4
 */
import { AccessTokenClaims, isOAuthError, OAuthError, type VerifiedAccessToken } from '@fastify-mcp-auth/core'
import { decodeJwt } from 'jose'
import { Compile } from 'typebox/compile'
import type { ServerContext } from '../context.ts'
import { isLive } from '../grants/lifecycle.ts'
import type { GrantRecord } from '../records.ts'
import { contentOf } from './kept-token.ts'
import { grantIdOfOpaqueToken } from './opaque-token.ts'
import { readOwnJwt } from './own-jwt.ts'
import { openProps } from './props.ts'
import { subOf } from './subject.ts'

const accessTokenClaims = Compile(AccessTokenClaims)

const MAX_LENGTH = 8192

export interface LiveToken {
  readonly grantId: string
  readonly grant: GrantRecord
  readonly claims: AccessTokenClaims
  readonly propsKey: string | null
}

/**
 * Does not check scopes.
 *
 * @throws OAuthError `invalid_token`
 * @throws UnavailableError when the storage does not answer
 */
export async function verifyAccessToken(
  server: ServerContext,
  token: string,
  resource: string
): Promise<VerifiedAccessToken> {
  const { grant, claims, propsKey } = await readAccessToken(server, token)
  // Equal, not "among others": a token for several resources could be used by each of them at the others.
  if (claims.aud !== resource) throw invalidToken('audience')
  return { claims, subject: grant.subject, props: openProps(grant, propsKey) }
}

/**
 * The same for whichever resource it is for. Nobody may be let in at a resource on the word of this alone.
 *
 * @throws OAuthError `invalid_token`
 * @throws UnavailableError
 */
export async function readAccessToken(server: ServerContext, token: string): Promise<LiveToken> {
  const opaqueGrantId = grantIdOfOpaqueToken(token)
  const live = opaqueGrantId === null ? await readJwt(server, token) : await readOpaque(server, opaqueGrantId, token)
  const { claims, grant, grantId } = live
  if (claims.grant_id !== grantId || subOf(grant) !== claims.sub || grant.clientId !== claims.client_id)
    throw invalidToken('unknown_grant')
  return live
}

async function readOpaque(server: ServerContext, grantId: string, token: string): Promise<LiveToken> {
  const grant = await liveGrant(server, grantId)
  const content = contentOf(grant, token)
  if (!content) throw invalidToken('unknown_token')
  if (content.expiresAt <= server.clock.now()) throw invalidToken('expired')
  if (!accessTokenClaims.Check(content.claims)) throw invalidToken('claims')
  return { grantId, grant, claims: content.claims, propsKey: content.propsKey }
}

async function readJwt(server: ServerContext, token: string): Promise<LiveToken> {
  const claims = await readClaims(server, token)
  const { grant_id: grantId = '' } = claims
  if (grantId === '') throw invalidToken('unknown_grant')
  const grant = await liveGrant(server, grantId)
  if (grant.props === null) return { grantId, grant, claims, propsKey: null }
  const propsKey = contentOf(grant, token)?.propsKey ?? null
  // The client has fetched so many since that this one is forgotten: better no answer than one without the props.
  if (propsKey === null) throw invalidToken('superseded')
  return { grantId, grant, claims, propsKey }
}

async function liveGrant(server: ServerContext, grantId: string): Promise<GrantRecord> {
  const grant = await server.records.grants.get(grantId)
  if (!grant) throw invalidToken('unknown_grant')
  if (!isLive(grant, server.clock.now()))
    throw invalidToken(grant.revokedAt === null ? 'grant_expired' : 'grant_revoked')
  return grant
}

/** By its shape and its issuer; proves nothing. */
export function looksLikeOurs(server: ServerContext, token: string): boolean {
  if (token.length > MAX_LENGTH) return false
  if (grantIdOfOpaqueToken(token) !== null) return true
  try {
    return decodeJwt(token).iss === server.issuer
  } catch {
    return false
  }
}

/**
 * Signature, issuer, type and form of a JWT. The grant behind it is not looked at.
 *
 * @throws OAuthError `invalid_token`
 */
export async function readClaims(server: ServerContext, token: string): Promise<AccessTokenClaims> {
  if (token.length > MAX_LENGTH) throw invalidToken('too_long')
  try {
    const claims = await readOwnJwt(server, token, 'at+jwt')
    if (accessTokenClaims.Check(claims)) return claims
  } catch (error) {
    if (isOAuthError(error)) throw invalidToken('not_acceptable', error)
    throw error
  }
  throw invalidToken('claims')
}

function invalidToken(reason: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_token', 'the access token is invalid, expired or revoked', { reason, cause })
}
