/**
 * Removes what has expired, and tells of grants that have. Nothing depends on it for correctness: whoever reads a record judges its
 * expiry.
 */
import type { ServerContext } from './context.ts'
import { removeExpiredGrants } from './grants/expiry.ts'
import { portions } from './portions.ts'

/**
 * In bounded batches, so that no statement holds locks for long, with room for requests between them; safe on every node and at any
 * time. Whatever a call leaves, the next one finds.
 *
 * @param bounds `limit` records at most
 * @returns how many records went
 */
export async function cleanUp(
  server: ServerContext,
  { limit = Number.POSITIVE_INFINITY }: { limit?: number } = {}
): Promise<number> {
  const { clients, clientDocuments, clientAssertions, initialAccessTokens } = server.records
  const { interactions, pushedRequests, deviceAuthorizations, consents, recentRevocations } = server.records
  const shortLived = [interactions, pushedRequests, deviceAuthorizations, clientAssertions]
  const now = server.clock.now()
  let total = await server.keys.removeRetired()
  const lasting = [consents, initialAccessTokens, clientDocuments, clients, recentRevocations]
  for (const collection of [...shortLived, ...lasting]) {
    const { next } = portions()
    for (let isOver = false; !isOver && total < limit; ) {
      total += await next(limit - total, async size => {
        const removed = await collection.removeExpired(now, { limit: size })
        isOver = removed < size
        return removed
      })
    }
  }
  return total + (await removeExpiredGrants(server, limit - total))
}
