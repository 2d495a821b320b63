/** A storage that a test can look into and switch off. Like a database it takes a moment, so that parallel requests overlap. */
import { type CollectionDeclaration, type StorageDriver, UnavailableError } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'

export interface ObservableStorage extends StorageDriver {
  /** How many records there are, by collection. */
  counts(): Promise<Record<string, number>>
  /** Everything that is stored, keys included. */
  dump(): Promise<string>
  /** From now on every verb fails like a database that does not answer. */
  goDown(): void
  comeBack(): void
  /** Only the next insert into this collection fails so. */
  failNextInsert(collection: string): void
  /** Runs once, just before the next insert into this collection. */
  beforeNextInsert(collection: string, run: () => Promise<void>): void
}

export function observableStorage(inner: StorageDriver = memoryStorage()): ObservableStorage {
  const keys = new Map<CollectionDeclaration, Set<string>>()
  let isDown = false
  let failing: string | null = null
  let intruder: { collection: string; run: () => Promise<void> } | null = null

  async function reach<T>(verb: () => Promise<T>): Promise<T> {
    await new Promise(setImmediate)
    if (isDown) throw new UnavailableError('the test storage is down', { retryAfter: 7 })
    return verb()
  }

  async function records(): Promise<{ name: string; key: string; record: unknown }[]> {
    const found = []
    for (const [collection, known] of keys)
      for (const key of known) {
        const record = await inner.get(collection, key)
        if (record) found.push({ name: collection.name, key, record })
      }
    return found
  }

  return {
    capabilities: inner.capabilities,
    open: async collections => inner.open?.(collections),
    get: (...call) => reach(() => inner.get(...call)),
    insert: (collection, key, record) =>
      reach(async () => {
        if (intruder?.collection === collection.name) {
          const { run } = intruder
          intruder = null
          await run()
        }
        if (failing === collection.name) {
          failing = null
          throw new UnavailableError('the test storage lost its connection')
        }
        keys.set(collection, (keys.get(collection) ?? new Set()).add(key))
        return inner.insert(collection, key, record)
      }),
    update: (...call) => reach(() => inner.update(...call)),
    remove: (...call) => reach(() => inner.remove(...call)),
    list: (collection, ...where) => reach(() => inner.list(collection, ...where)),
    removeWhere: (collection, ...where) => reach(() => inner.removeWhere(collection, ...where)),
    ...(inner.count ? { count: (...call) => reach(async () => inner.count?.(...call) ?? 0) } : {}),
    ...(inner.take ? { take: (...call) => reach(async () => inner.take?.(...call) ?? []) } : {}),
    async counts() {
      const sum: Record<string, number> = { clients: 0, interactions: 0, grants: 0 }
      for (const { name } of await records()) if (name !== 'signing_keys') sum[name] = (sum[name] ?? 0) + 1
      return sum
    },
    dump: async () => JSON.stringify(await records()),
    goDown() {
      isDown = true
    },
    comeBack() {
      isDown = false
    },
    beforeNextInsert(collection, run) {
      intruder = { collection, run }
    },
    failNextInsert(collection) {
      failing = collection
    }
  }
}
