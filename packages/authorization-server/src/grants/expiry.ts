/**
 * Grants that ended by their age. Access ends at that second by itself, because whoever reads a record judges its expiry; here the end is
 * told, once, whichever of many nodes finds it first, and the record goes.
 */
import type { ExpiryReason, Page } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import { type Portions, portions } from '../portions.ts'
import type { GrantRecord } from '../records.ts'

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
  const { next } = portions()
  let removed = 0
  for (let cursor: string | null = null; removed < limit; ) {
    removed += await next(limit - removed, async size => {
      const page: Page<GrantRecord> = await grants.listExpired(now, { limit: size, cursor })
      cursor = page.cursor
      return (await endTogether(server, page.records, now)) ?? endOneByOne(server, page.records)
    })
    if (cursor === null) return removed + (await removeForgotten(server, next, now))
  }
  return removed
}

type Listed = Page<GrantRecord>['records']

/**
 * Who removes a grant tells its end: nobody else has, and no refresh has prolonged it meanwhile. One that is under way finds nothing.
 *
 * @returns how many records went; null when the storage cannot take several in one go
 */
async function endTogether(server: ServerContext, found: Listed, now: number): Promise<number | null> {
  const { grants } = server.records
  const open = new Map(found.filter(({ record }) => isNews(record)).map(({ key, record }) => [key, record]))
  const taken = await grants.take([...open.keys()], { expiresBefore: now, guard: { revokedAt: null } })
  if (taken === null) return null
  for (const grantId of taken) {
    const grant = open.get(grantId)
    if (grant) tellEnd(server, grantId, grant)
  }
  const others = found.flatMap(({ key }) => (open.has(key) ? [] : [key]))
  const gone = others.length === 0 ? [] : await grants.take(others, { expiresBefore: now, guard: {} })
  return taken.length + (gone?.length ?? 0)
}

/**
 * With the verbs that every storage has: first one conditional write, of which one of all wins, then the removal. A refresh that is under
 * way finds the grant revoked.
 */
async function endOneByOne(server: ServerContext, found: Listed): Promise<number> {
  const { grants } = server.records
  let removed = 0
  for (const { key, record } of found) {
    const { revokedAt, expiresAt } = record
    if (!isNews(record)) removed += Number(await grants.remove(key))
    else if (await grants.update(key, { revokedAt, expiresAt }, { revokedAt: server.clock.now(), expiresAt: TOLD }))
      tellEnd(server, key, record)
  }
  return removed + (await grants.removeExpired(TOLD + 1, { limit: found.length }))
}

/** What was revoked was told then, and one token of a client itself is not worth a word: nothing can happen to either any more. */
function isNews({ revokedAt, byClient }: GrantRecord): boolean {
  return revokedAt === null && !byClient
}

function tellEnd({ emit }: ServerContext, grantId: string, grant: GrantRecord): void {
  const { clientId, subject, expiresAt } = grant
  emit('grant.expired', { grantId, clientId, subject, reason: reasonOf(grant), endedAt: expiresAt })
}

function reasonOf({ codeConsumedAt, expiresAt, endsAt }: GrantRecord): ExpiryReason {
  if (codeConsumedAt === null) return 'not_redeemed'
  return expiresAt === endsAt ? 'absolute' : 'idle'
}

// All of our own are told by now, so what is older is of an issuer that nobody runs any more.
async function removeForgotten({ records }: ServerContext, next: Portions['next'], now: number): Promise<number> {
  let removed = 0
  for (let isOver = false; !isOver; ) {
    removed += await next(Number.POSITIVE_INFINITY, async size => {
      const gone = await records.grants.removeExpired(now - LEFT_TO_OTHERS, { limit: size })
      isOver = gone < size
      return gone
    })
  }
  return removed
}
