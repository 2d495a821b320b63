/**
 * The part of a storage that belongs to one issuer. Several may share a database; what one of them stored does not exist for the
 * others, whatever its key is.
 */
import { digest, type Page, type StorageDriver, type StoredRecord } from '@fastify-mcp-auth/core'

/**
 * Begins every key with a mark of the issuer. Expired records are removed for all issuers alike, when somebody asks for it;
 * everything else is seen and changed by its own only. A page of `list` may have fewer records than asked for, or none, and be followed by more.
 *
 * @param driver methods are called on it, so that it may be a class instance
 */
export function issuerStorage(driver: StorageDriver, issuer: string): StorageDriver {
  const mark = `${digest(issuer).slice(0, 12)}:`
  const storage: StorageDriver = {
    capabilities: driver.capabilities,
    get: (collection, key) => driver.get(collection, mark + key),
    insert: (collection, key, record) => driver.insert(collection, mark + key, record),
    update: (collection, key, guard, patch) => driver.update(collection, mark + key, guard, patch),
    remove: (collection, key) => driver.remove(collection, mark + key),
    async list(collection, ...where) {
      const { records, cursor } = await driver.list(collection, ...where)
      const own = records.filter(({ key }) => key.startsWith(mark))
      return { records: own.map(({ key, record }) => ({ key: key.slice(mark.length), record })), cursor }
    },
    async removeWhere(collection, ...where) {
      const [index, value, options] = where
      if (index === 'expiresBefore' && typeof value === 'number')
        return driver.removeWhere(collection, index, value, options)
      // One by one: the driver alone would also remove what others have under the same value.
      const limit = options?.limit ?? 1000
      let removed = 0
      for (let cursor: string | null = null; ; ) {
        const page: Page<StoredRecord> = await storage.list(collection, index, String(value), { limit: 1000, cursor })
        for (const { key } of page.records.slice(0, limit - removed))
          if (await storage.remove(collection, key)) removed++
        cursor = page.cursor
        if (cursor === null || removed === limit) return removed
      }
    },
    ...(driver.count
      ? {
          count: async (collection, { prefix, limit }) =>
            driver.count?.(collection, { prefix: mark + prefix, limit }) ?? 0
        }
      : {}),
    ...(driver.take
      ? {
          async take(collection, keys, condition) {
            const own = keys.map(key => mark + key)
            return ((await driver.take?.(collection, own, condition)) ?? []).map(key => key.slice(mark.length))
          }
        }
      : {})
  }
  return Object.freeze(storage)
}
