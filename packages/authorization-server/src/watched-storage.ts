/** Watches the storage on its way to the app's database, so that an outage is told once when it begins and once when it is over. */
import { type CollectionDeclaration, isUnavailableError, type StorageDriver } from '@fastify-mcp-auth/core'
import type { Events } from './events.ts'
import type { Telemetry } from './telemetry.ts'

/**
 * @param driver methods are called on it, so that it may be a class instance
 * @param telemetry measures each call; null for nobody
 */
export function watchStorage(
  driver: StorageDriver,
  events: Pick<Events, 'emit'>,
  telemetry: Telemetry | null
): StorageDriver {
  let up = true

  async function watched<T>(
    operation: string,
    { name: collection }: CollectionDeclaration,
    call: () => Promise<T>
  ): Promise<T> {
    const end = telemetry?.startCall({ collection, operation })
    try {
      const answer = await call()
      end?.('answered')
      if (!up) {
        up = true
        events.emit('storage.recovered', { collection, operation })
      }
      return answer
    } catch (error) {
      end?.('failed')
      if (up && isUnavailableError(error)) {
        up = false
        events.emit('storage.failed', { collection, operation })
      }
      throw error
    }
  }

  const storage: StorageDriver = {
    capabilities: driver.capabilities,
    get: (collection, ...rest) => watched('get', collection, () => driver.get(collection, ...rest)),
    insert: (collection, ...rest) => watched('insert', collection, () => driver.insert(collection, ...rest)),
    update: (collection, ...rest) => watched('update', collection, () => driver.update(collection, ...rest)),
    remove: (collection, ...rest) => watched('remove', collection, () => driver.remove(collection, ...rest)),
    list: (collection, ...rest) => watched('list', collection, () => driver.list(collection, ...rest)),
    removeWhere: (collection, ...rest) =>
      watched('removeWhere', collection, () => driver.removeWhere(collection, ...rest)),
    ...(driver.count
      ? {
          count: (collection, options) =>
            watched('count', collection, async () => driver.count?.(collection, options) ?? 0)
        }
      : {}),
    ...(driver.take
      ? {
          take: (collection, ...rest) =>
            watched('take', collection, async () => driver.take?.(collection, ...rest) ?? [])
        }
      : {})
  }
  return Object.freeze(storage)
}
