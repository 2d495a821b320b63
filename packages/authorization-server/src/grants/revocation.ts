/**
 * Takes access back: of one grant, or of all that have something in common.
 *
 * A consent that is remembered makes grants without a page, so it always goes first: a grant that is stored while this runs looks for its
 * consent afterwards, finds none, and ends itself. All others look for the revocation itself.
 *
 * @see RFC 7009 section 2.1
 */
import type { GrantCriteria, Page, RevocationReason } from '@fastify-mcp-auth/core'
import { forgetConsent } from '../authorization/remembered-consent.ts'
import type { ServerContext } from '../context.ts'
import type { ConsentRecord, GrantRecord } from '../records.ts'
import { NO_PROPS } from '../tokens/props.ts'
import { noteRevocation } from './recent-revocations.ts'

/**
 * Ends a grant with all its tokens. Its record stays until it expires, so that its access tokens are recognised as revoked.
 *
 * @param owner when given, only a grant of this user is revoked
 * @returns false when there is no such grant or it was revoked before
 */
export async function revokeGrant(
  server: ServerContext,
  grantId: string,
  { reason, owner }: { reason: RevocationReason; owner?: string | undefined }
): Promise<boolean> {
  const { grants } = server.records
  const grant = await grants.get(grantId)
  if (!grant || grant.revokedAt !== null) return false
  if (owner !== undefined && (grant.byClient || grant.subject !== owner)) return false
  // First: an outage between the two may leave a grant that can be revoked again, never a consent that gives a new one.
  await forgetConsent(server, grant)
  const won = await grants.update(
    grantId,
    { revokedAt: null },
    { revokedAt: server.clock.now(), replay: null, replayUntil: null, accessTokens: null, ...NO_PROPS }
  )
  if (!won) return false
  // Again: the decision that made this grant may have been written down in between.
  await forgetConsent(server, grant)
  server.emit('grant.revoked', { grantId, clientId: grant.clientId, subject: grant.subject, reason })
  return true
}

/** Records looked at in one go, with room for other requests between two. */
const BATCH = 50

type Criterion = keyof GrantCriteria

/** The one that few records share first: records are looked up by it, and held against the others. */
const CRITERIA: readonly Criterion[] = ['subject', 'clientId', 'organization']

/**
 * Ends every grant that meets all criteria, codes that were not redeemed yet and those that are just being made included. Safe on several
 * nodes at once; what an outage leaves, the next call finds.
 *
 * @returns how many grants this call ended
 * @throws TypeError without a criterion, or for one that is no string: it would end more than was meant
 */
export async function revokeGrants(
  server: ServerContext,
  criteria: GrantCriteria,
  reason: RevocationReason
): Promise<number> {
  const wanted = readCriteria(criteria)
  await noteRevocation(server, criteria)
  const { consents, grants } = server.records
  for await (const key of matching<ConsentRecord>(consents, wanted)) await consents.remove(key)
  let ended = 0
  for await (const key of matching<GrantRecord>(grants, wanted, ({ revokedAt, expiresAt }) => {
    return revokedAt === null && expiresAt > server.clock.now()
  }))
    if (await revokeGrant(server, key, { reason })) ended++
  return ended
}

function readCriteria(criteria: GrantCriteria): [Criterion, string][] {
  const given = Object.entries(criteria)
  const known = CRITERIA.flatMap((name): [Criterion, string][] => {
    const value = criteria[name]
    return typeof value === 'string' && value !== '' ? [[name, value]] : []
  })
  if (known.length > 0 && known.length === given.length) return known
  throw new TypeError(`grants.revokeAll() takes ${CRITERIA.join(', ')}: at least one, each a string, and nothing else`)
}

type Owned = Pick<GrantRecord, Criterion>

interface Listed<R> {
  list(index: Criterion, value: string, options: { limit: number; cursor: string | null }): Promise<Page<R>>
}

async function* matching<R extends Owned>(
  collection: Listed<R>,
  wanted: readonly [Criterion, string][],
  isOpen: (record: R) => boolean = () => true
): AsyncGenerator<string> {
  const [[index, value] = ['subject', ''] as const] = wanted
  for (let cursor: string | null = null; ; ) {
    const page: Page<R> = await collection.list(index, value, { limit: BATCH, cursor })
    for (const { key, record } of page.records)
      if (isOpen(record) && wanted.every(([name, same]) => record[name] === same)) yield key
    cursor = page.cursor
    if (cursor === null) return
    // A database in this very process would let nobody else have a turn.
    await new Promise(setImmediate)
  }
}
