/** Ours on a storage that is named, with the means to look at it. */
import type { CollectionDeclaration, StorageDriver } from '@fastify-mcp-auth/core'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import type { FastifyInstance } from 'fastify'
import { startFastifyMcpAuth } from '../authorization-server/fastify-mcp-auth.ts'
import type { Issuing } from '../authorization-server/issuing.ts'
import type { Contender } from '../contender.ts'

/** One removal of the cleanup: a transaction by itself, so nothing is locked for longer. */
export interface Removal {
  readonly collection: string
  /** Milliseconds from the call to the answer, the ways to the database and back included. */
  readonly took: number
  readonly records: number
}

export function openStorage(url: string): StorageDriver {
  return url.startsWith('redis:') ? redisStorage({ url }) : sqlStorage({ url })
}

/** Serves, besides everything else, `/cleanup?limit=N`, and `/removals`: those since it was asked last. */
export const contender: Contender<Issuing & { readonly url: string }> = {
  does: 'flow of 2 requests, consent remembered, on a database',
  leavesOut: 'rate limits (off)',
  start({ url, ...issuing }) {
    const { storage, removals } = watched(openStorage(url))
    return startFastifyMcpAuth(issuing, 'remembered', storage, (app: FastifyInstance) => {
      app.get<{ Querystring: { limit: string } }>('/cleanup', async request =>
        app.authorizationServer.cleanup({ limit: Number(request.query.limit) })
      )
      app.get('/removals', async () => removals.splice(0))
    })
  }
}

function watched(driver: StorageDriver): { storage: StorageDriver; removals: Removal[] } {
  const removals: Removal[] = []
  async function timed<T>(
    { name }: CollectionDeclaration,
    run: () => Promise<T>,
    count: (result: T) => number
  ): Promise<T> {
    const start = performance.now()
    const result = await run()
    const took = performance.now() - start
    if (count(result) > 0) removals.push({ collection: name, took, records: count(result) })
    return result
  }
  const storage: StorageDriver = {
    ...driver,
    removeWhere: (collection, ...rest) => timed(collection, () => driver.removeWhere(collection, ...rest), Number),
    take: (collection, ...rest) =>
      timed(
        collection,
        async () => (await driver.take?.(collection, ...rest)) ?? [],
        keys => keys.length
      )
  }
  return { storage, removals }
}
