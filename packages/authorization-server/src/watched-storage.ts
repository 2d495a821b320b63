/** Watches the storage on its way to the app's database, so that an outage is told once when it begins and once when it is over. */
import { type CollectionDeclaration, isUnavailableError, type StorageDriver } from '@fastify-mcp-auth/core'
import type { Events } from './events.ts'

export interface WatchedStorage {
  readonly storage: StorageDriver
  /** Whether the last call was answered. */
  isUp(): boolean
}

/** @param driver methods are called on it, so that it may be a class instance */
export function watchStorage(driver: StorageDriver, events: Pick<Events, 'emit'>): WatchedStorage {
  let up = true

  async function watched<T>(
    operation: string,
    { name: collection }: CollectionDeclaration,
    call: () => Promise<T>
  ): Promise<T> {
    try {
      const answer = await call()
      if (!up) {
        up = true
        events.emit('storage.recovered', { collection, operation })
      }
      return answer
    } catch (error) {
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
      watched('removeWhere', collection, () => driver.removeWhere(collection, ...rest))
  }
  return Object.freeze({ storage: Object.freeze(storage), isUp: () => up })
}
