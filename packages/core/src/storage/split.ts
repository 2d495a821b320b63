/** Two databases for one server: what lives for minutes may be kept apart from what has to last. */
import { hasMethods } from '../options.ts'
import type { CollectionDeclaration, StorageDriver } from './driver.ts'

/** Where records are kept: `shortLived` has what its collection declares to be so, `default` everything else. */
export interface SplitStorage {
  readonly default: StorageDriver
  readonly shortLived: StorageDriver
}

/** What makes an object a driver. */
export const STORAGE_VERBS = ['get', 'insert', 'update', 'remove', 'list', 'removeWhere'] as const

/** Whether an app gave one driver, or exactly the two. */
export function isStorage(value: unknown): value is StorageDriver | SplitStorage {
  if (hasMethods(value, STORAGE_VERBS)) return true
  if (typeof value !== 'object' || value === null) return false
  const names = Object.keys(value).toSorted().join()
  return names === 'default,shortLived' && Object.values(value).every(driver => hasMethods(driver, STORAGE_VERBS))
}

/** One driver is both. */
export function readStorage(storage: StorageDriver | SplitStorage): SplitStorage {
  return 'get' in storage ? { default: storage, shortLived: storage } : storage
}

/** Opens each with its own collections. @throws UnavailableError when one of them cannot be reached */
export async function openStorage(storage: SplitStorage, collections: readonly CollectionDeclaration[]): Promise<void> {
  if (storage.default === storage.shortLived) return storage.default.open?.(collections)
  const isShort = ({ shortLived }: CollectionDeclaration): boolean => shortLived
  const [short, lasting] = [collections.filter(isShort), collections.filter(each => !isShort(each))]
  await Promise.all([storage.default.open?.(lasting), storage.shortLived.open?.(short)])
  // `open` is optional, and the first request is a bad moment to learn that a database is not there.
  await Promise.all([lasting, short].map(async ([one]) => one && driverOf(storage, one).get(one, 'boot')))
}

/** One driver that leads each verb to the right database. */
export function joinStorage(storage: SplitStorage): StorageDriver {
  const { default: lasting, shortLived } = storage
  if (lasting === shortLived) return lasting
  const at = (collection: CollectionDeclaration): StorageDriver => driverOf(storage, collection)
  const both = (name: keyof StorageDriver['capabilities']): boolean =>
    lasting.capabilities[name] && shortLived.capabilities[name]
  const joined: StorageDriver = {
    capabilities: Object.freeze({ durable: both('durable'), atomic: both('atomic'), shared: both('shared') }),
    get: (collection, ...rest) => at(collection).get(collection, ...rest),
    insert: (collection, ...rest) => at(collection).insert(collection, ...rest),
    update: (collection, ...rest) => at(collection).update(collection, ...rest),
    remove: (collection, ...rest) => at(collection).remove(collection, ...rest),
    list: (collection, ...rest) => at(collection).list(collection, ...rest),
    removeWhere: (collection, ...rest) => at(collection).removeWhere(collection, ...rest),
    ...(lasting.count && shortLived.count
      ? { count: async (collection, options) => at(collection).count?.(collection, options) ?? 0 }
      : {}),
    ...(lasting.take && shortLived.take
      ? { take: async (collection, ...rest) => at(collection).take?.(collection, ...rest) ?? [] }
      : {})
  }
  return Object.freeze(joined)
}

/** The driver that has the records of a collection. */
export function driverOf(storage: SplitStorage, { shortLived }: CollectionDeclaration): StorageDriver {
  return shortLived ? storage.shortLived : storage.default
}
