/** What an operator asks: is it well, and how much is there. */
import {
  type AuthorizationServerHealth,
  type AuthorizationServerStats,
  isUnavailableError
} from '@fastify-mcp-auth/core'
import type { ServerContext } from './context.ts'

/** One look at the storage, and at the keys that signatures need. */
export async function health(server: ServerContext): Promise<AuthorizationServerHealth> {
  const [storage, keys] = await Promise.all([
    answers(async () => {
      // They may be in two databases.
      const { clients, interactions } = server.records
      const found = await Promise.all([clients.get('health'), interactions.get('health')])
      return found.every(record => record === null)
    }),
    answers(async () => (await server.keys.list()).some(({ state }) => state === 'current'))
  ])
  const { isServed: consentPage } = server.pages
  return Object.freeze({ ok: storage && keys && consentPage, storage, keys, consentPage })
}

async function answers(look: () => Promise<boolean>): Promise<boolean> {
  try {
    return await look()
  } catch (error) {
    if (isUnavailableError(error)) return false
    throw error
  }
}

const LIMIT = 10_000

export async function stats(
  { records }: ServerContext,
  { limit = LIMIT }: { limit?: number } = {}
): Promise<AuthorizationServerStats> {
  const count = async (collection: { count(limit: number): Promise<number | null> }) => {
    const found = await collection.count(limit + 1)
    return found === null ? null : { count: Math.min(found, limit), isMore: found > limit }
  }
  const { clients, grants, interactions } = records
  return Object.freeze({
    clients: await count(clients),
    grants: await count(grants),
    interactions: await count(interactions)
  })
}
