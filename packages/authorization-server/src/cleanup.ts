/** Removes what has expired. Nothing depends on it for correctness: whoever reads a record judges its expiry. */
import type { ServerContext } from './context.ts'

const BATCH = 1000

/**
 * In bounded batches, so that no statement holds locks for long; safe on every node and at any time.
 *
 * @returns how many records went
 */
export async function cleanUp(server: ServerContext): Promise<number> {
  const { clients, clientDocuments, clientAssertions, initialAccessTokens, interactions, grants } = server.records
  const now = server.clock.now()
  let total = await server.keys.removeRetired()
  for (const collection of [interactions, grants, clientAssertions, initialAccessTokens, clientDocuments, clients]) {
    for (let removed = BATCH; removed === BATCH; total += removed) {
      removed = await collection.removeExpired(now, { limit: BATCH })
    }
  }
  return total
}
