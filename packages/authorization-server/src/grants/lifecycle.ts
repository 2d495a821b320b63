/**
 * The life of a grant: approved by a person, redeemed once by its code, kept alive by refresh tokens, revoked. Each step is one
 * conditional write of the grant's record.
 */
import { digest, OAuthError, randomSecret, sameResource } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import { pairwiseSub } from '../openid/pairwise.ts'
import type { FrozenRequest, GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { NO_PROPS, sealProps } from '../tokens/props.ts'
import type { PropsContext } from '../types.ts'
import type { Session } from '../users.ts'
import { newGrantId } from './grant-id.ts'

/** Codes and refresh tokens begin with the id of their grant, so that finding it needs no index. */
export interface GrantToken {
  readonly grantId: string
  readonly secret: string
}

const CODE = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/

export function parseCode(code: string): GrantToken | null {
  const [, grantId, secret] = CODE.exec(code) ?? []
  return grantId === undefined || secret === undefined ? null : { grantId, secret }
}

export interface PreparedGrant {
  readonly grantId: string
  /** The authorization code, of which only a digest is kept. */
  readonly code: string
  /** The part of it that opens the props. */
  readonly secret: string
  readonly record: GrantRecord
}

/** What a grant has of refresh tokens before the first one. */
export const NO_REFRESH = Object.freeze({
  familyDigest: null,
  refreshDigest: null,
  previousDigest: null,
  replayUntil: null,
  replay: null,
  replays: 0
})

/** What a person allowed, without what the app attaches to it. Stores nothing. */
export function prepareGrant(
  server: ServerContext,
  {
    request,
    session,
    organization,
    scopes,
    endsAt = server.clock.now() + server.options.grantTtl
  }: {
    request: FrozenRequest
    session: Session
    organization: string | null
    scopes: string[]
    /** When access ends at the latest, if that is known already: a consent that stands in for the page is not prolonged by it. */
    endsAt?: number
  }
): PreparedGrant {
  const { clock, options } = server
  const { subject } = session
  const now = clock.now()
  // A device has until its own code expires, which it was told. A code buys nothing any more when access has ended.
  const codeExpiresAt = Math.min(request.device?.expiresAt ?? now + options.codeTtl, endsAt)
  const grantId = newGrantId(now)
  const secret = randomSecret()
  const record: GrantRecord = {
    clientId: request.clientId,
    clientName: request.client.name,
    clientNames: request.client.names,
    byClient: false,
    subject,
    sub: pairwiseSub(server, { sector: request.sector, subject }),
    organization,
    resources: request.resources,
    scopes,
    redirectUri: request.redirectUri,
    authTime: session.authTime,
    acr: session.acr,
    amr: [...session.amr],
    createdAt: now,
    lastUsedAt: now,
    expiresAt: codeExpiresAt,
    endsAt,
    refreshable: request.client.refreshable,
    revokedAt: null,
    codeDigest: digest(secret),
    codeChallenge: request.codeChallenge,
    codeExpiresAt,
    codeConsumedAt: null,
    nonce: request.nonce,
    ...NO_REFRESH,
    ...NO_PROPS,
    accessTokens: null
  }
  return { grantId, code: `${grantId}.${secret}`, secret, record }
}

/** Asks the app what it attaches, which may cost it something: only to be called for a grant that is going to be stored. */
export async function attachProps(
  server: ServerContext,
  { secret, record }: Pick<PreparedGrant, 'secret' | 'record'>
): Promise<GrantRecord> {
  const props = await server.users.props(record.subject, propsContext(record))
  return { ...record, ...sealProps(props, secret) }
}

function propsContext({ clientId, resources, scopes, organization }: GrantRecord): PropsContext {
  return { clientId, resources, scopes, organization }
}

/** Tells of a yes, the person's own or one that stands in for it. */
export function tellOfApproval(
  server: ServerContext,
  { grantId, record }: Pick<PreparedGrant, 'grantId' | 'record'>
): void {
  const { clientId, subject, organization, resources, scopes } = record
  server.emit('authorization.approved', { grantId, clientId, subject, organization, resources, scopes })
}

/**
 * Stores a grant, once, however often it is called.
 *
 * @returns whether this call stored it
 */
export async function storeGrant(
  server: ServerContext,
  { grantId, record }: Pick<PreparedGrant, 'grantId' | 'record'>
): Promise<boolean> {
  const { clientId, subject, organization, resources, scopes } = record
  if (!(await server.records.grants.insert(grantId, record))) return false
  server.emit('grant.created', { grantId, clientId, subject, organization, resources, scopes })
  return true
}

/**
 * The one resource that a token of the grant is for.
 *
 * An access token for several would let each of them use it at the others, so there is none: whoever was allowed several
 * asks once for each.
 *
 * @param resource of the token request; the first of the grant when left out
 * @throws OAuthError `invalid_target` when it is not one of the grant's
 * @see RFC 8707 sections 2.2 and 3
 */
export function grantedResource(
  server: ServerContext,
  grant: GrantRecord,
  resource: string | undefined
): ResourcePolicy {
  const granted =
    resource === undefined
      ? grant.resources[0]
      : grant.resources.find(one => one === resource || sameResource(one, resource))
  if (granted !== undefined) return server.catalogue.resolve(granted)
  throw new OAuthError('invalid_target', 'a token is for one resource of those that were allowed', {
    reason: 'resource_differs'
  })
}

/** Whether tokens of the grant are still worth something. */
export function isLive(grant: GrantRecord, now: number): boolean {
  return grant.revokedAt === null && grant.codeConsumedAt !== null && grant.expiresAt > now
}
