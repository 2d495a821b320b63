/**
 * Removes what has expired, and tells of grants that have. Nothing depends on it for correctness: whoever reads a record judges its
 * expiry.
 */
import type { ServerContext } from './context.ts'
import { removeExpiredGrants } from './grants/expiry.ts'
import { withRoom } from './with-room.ts'

/** Records that one statement removes: on SQLite nobody else can write meanwhile, and of a million records hardly two share a page. */
const BATCH = 200

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
  const { interactions, pushedRequests, deviceAuthorizations, consents } = server.records
  const shortLived = [interactions, pushedRequests, deviceAuthorizations, clientAssertions]
  const now = server.clock.now()
  let total = await server.keys.removeRetired()
  for (const collection of [...shortLived, consents, initialAccessTokens, clientDocuments, clients]) {
    for (let size = 0, removed = 0; removed === size && total < limit; total += removed) {
      size = Math.min(BATCH, limit - total)
      removed = await withRoom(() => collection.removeExpired(now, { limit: size }))
    }
  }
  return total + (await removeExpiredGrants(server, limit - total))
}
