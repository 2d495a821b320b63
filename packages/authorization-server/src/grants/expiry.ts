/**
 * Grants that ended by their age. Access ends at that second by itself, because whoever reads a record judges its expiry; here the end is
 * told, once, whichever of many nodes finds it first, and the record goes.
 */
import type { ExpiryReason } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'

/** Records looked at in one go, with room for other requests between two. */
const PORTION = 100

/** Put in the place of the expiry of a grant whose end was told: everybody may remove it, whichever issuer it is of. */
const TOLD = 0

/** Seconds for which the grants of other issuers in the same database are left to be told by them. Then they go untold. */
const LEFT_TO_OTHERS = 7 * 86_400

/**
 * @param limit records at most, but for the last portion
 * @returns how many records went
 */
export async function removeExpiredGrants(server: ServerContext, limit: number): Promise<number> {
  const { grants } = server.records
  const now = server.clock.now()
  let removed = 0
  for (let cursor: string | null = null; removed < limit; ) {
    const page: Awaited<ReturnType<typeof grants.listExpired>> = await grants.listExpired(now, {
      limit: Math.min(PORTION, limit - removed),
      cursor
    })
    for (const { key, record } of page.records) {
      if (record.revokedAt === null) await tellEnd(server, key, record)
      // What was revoked was told then, and nothing can happen to it any more.
      else if (await grants.remove(key)) removed++
    }
    removed += await grants.removeExpired(TOLD + 1, { limit: PORTION })
    cursor = page.cursor
    // A database in this very process would let nobody else have a turn.
    await new Promise(setImmediate)
    if (cursor === null) return removed + (await removeForgotten(server, now))
  }
  return removed
}

/**
 * The one conditional write: nobody else has told it, and no refresh has prolonged it meanwhile. One that is under way finds it revoked.
 */
async function tellEnd({ clock, emit, records }: ServerContext, grantId: string, grant: GrantRecord): Promise<void> {
  const { clientId, subject, expiresAt } = grant
  const end = { revokedAt: clock.now(), expiresAt: TOLD }
  if (!(await records.grants.update(grantId, { revokedAt: null, expiresAt }, end))) return
  emit('grant.expired', { grantId, clientId, subject, reason: reasonOf(grant), endedAt: expiresAt })
}

function reasonOf({ codeConsumedAt, expiresAt, endsAt }: GrantRecord): ExpiryReason {
  if (codeConsumedAt === null) return 'not_redeemed'
  return expiresAt === endsAt ? 'absolute' : 'idle'
}

// All of our own are told by now, so what is older is of an issuer that nobody runs any more.
async function removeForgotten({ records }: ServerContext, now: number): Promise<number> {
  let removed = 0
  for (let gone = PORTION; gone === PORTION; removed += gone) {
    gone = await records.grants.removeExpired(now - LEFT_TO_OTHERS, { limit: PORTION })
    await new Promise(setImmediate)
  }
  return removed
}
