/**
 * What was revoked a moment ago by what it has in common. A revocation of many ends the grants that it finds stored. One that is being made
 * at that moment, by a decision or by a token request, for somebody who was let in before, could be stored just after it was looked for. So
 * such a revocation is written down before it looks, and whoever stores a grant looks afterwards whether one came since the request began.
 * Whichever is second sees the first.
 */
import { type GrantCriteria, randomSecret, UnavailableError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { GrantRecord, Records } from '../records.ts'

const KEY = 'all'

/** Far more than there are while one request lasts. */
const KEPT = 32

/** Seconds, longer than any request lasts. */
const TTL = 3600

/** How often a lost race is run again: each time another process has won it. */
const ATTEMPTS = 1000

/** What a process is writing down: one after the other, or a thousand at once would lose half a million races against each other. */
const turns = new WeakMap<Records, Promise<void>>()

/** To be called before it looks for what to end. @throws UnavailableError */
export function noteRevocation(server: ServerContext, criteria: GrantCriteria): Promise<void> {
  const note = (): Promise<void> => writeDown(server, criteria)
  const turn = (turns.get(server.records) ?? Promise.resolve()).then(note, note)
  turns.set(server.records, turn)
  return turn
}

async function writeDown(server: ServerContext, criteria: GrantCriteria): Promise<void> {
  const { recentRevocations } = server.records
  const { subject = null, clientId = null, organization = null } = criteria
  const latest = randomSecret(16)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await recentRevocations.get(KEY)
    const revocations = [...(before?.revocations ?? []), { name: latest, subject, clientId, organization }].slice(-KEPT)
    const record = { latest, revocations, expiresAt: server.clock.now() + TTL }
    const won = before
      ? await recentRevocations.update(KEY, { latest: before.latest }, record)
      : await recentRevocations.insert(KEY, record)
    if (won) return
  }
  throw new UnavailableError('too many revocations at the same moment', { retryAfter: 1 })
}

/** Which revocation of many was the last one, to be asked before anybody is let in. Null for none in a long time. */
export async function lastRevocation(server: ServerContext): Promise<string | null> {
  return (await server.records.recentRevocations.get(KEY))?.latest ?? null
}

/**
 * Whether a grant that is stored by now met the criteria of a revocation that came after `since`.
 *
 * @param since what {@link lastRevocation} said before anybody was let in
 */
export async function wasRevokedSince(
  server: ServerContext,
  grant: GrantRecord,
  since: string | null
): Promise<boolean> {
  const record = await server.records.recentRevocations.get(KEY)
  if (!record || record.latest === since) return false
  const at = record.revocations.findIndex(({ name }) => name === since)
  // More of them than are kept, since that one or since there was none: one could have been meant for this grant.
  if (at < 0 && (since !== null || record.revocations.length >= KEPT)) return true
  return record.revocations
    .slice(at + 1)
    .some(({ name: _, ...criteria }) =>
      Object.entries(criteria).every(
        ([member, value]) => value === null || grant[member as keyof typeof criteria] === value
      )
    )
}
