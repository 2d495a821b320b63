/** Typed records over a driver: what the plugins use instead of calling a driver by hand. */
import type { Static, TObject } from 'typebox'
import type { CollectionDeclaration, Guard, Page, PageOptions, StorageDriver, StoredRecord } from './driver.ts'

/** The verbs of {@link StorageDriver}, bound to one collection and typed by its schema. */
export interface Collection<R> {
  readonly declaration: CollectionDeclaration
  get(key: string): Promise<R | null>
  insert(key: string, record: R): Promise<boolean>
  update(key: string, guard: Partial<R>, patch: Partial<R>): Promise<boolean>
  remove(key: string): Promise<boolean>
  list(index: keyof R & string, value: string, options?: PageOptions): Promise<Page<R>>
  /** What expired before that epoch second, the earliest first. */
  listExpired(before: number, options?: PageOptions): Promise<Page<R>>
  /** Repeats bounded batches until nothing is left; returns how many records went. */
  removeWhere(index: keyof R & string, value: string): Promise<number>
  /** How many records there are, counted no further than `limit`; null when the driver cannot count. */
  count(limit: number): Promise<number | null>
  /**
   * Those of the records with these keys, 1,000 at most, that expired before that epoch second and hold what the guard says are removed.
   *
   * @returns the keys of those that this call removed; null when the driver cannot take several in one go
   */
  take(
    keys: readonly string[],
    condition: { expiresBefore: number; guard: Partial<R> }
  ): Promise<readonly string[] | null>
  /** One bounded batch of what expired before that epoch second; returns how many records went. */
  removeExpired(before: number, options?: { limit?: number }): Promise<number>
}

/** The typed records of one collection of a driver. */
export function openCollection<S extends TObject>(
  driver: StorageDriver,
  declaration: CollectionDeclaration<S>
): Collection<Static<S>> {
  type R = Static<S>
  // The schema is the one source of both the type and the driver's fields, so these casts state a fact.
  return {
    declaration,
    get: key => driver.get(declaration, key) as Promise<R | null>,
    insert: (key, record) => driver.insert(declaration, key, record as StoredRecord),
    update: (key, guard, patch) => driver.update(declaration, key, guard as Guard, patch as StoredRecord),
    remove: key => driver.remove(declaration, key),
    list: (index, value, options) => driver.list(declaration, index, value, options) as Promise<Page<R>>,
    listExpired: (before, options) => driver.list(declaration, 'expiresBefore', before, options) as Promise<Page<R>>,
    async removeWhere(index, value) {
      const limit = 1000
      for (let total = 0; ; ) {
        const removed = await driver.removeWhere(declaration, index, value, { limit })
        total += removed
        if (removed < limit) return total
      }
    },
    count: async limit => (await driver.count?.(declaration, { prefix: '', limit })) ?? null,
    take: async (keys, { expiresBefore, guard }) =>
      (await driver.take?.(declaration, keys, { expiresBefore, guard: guard as Guard })) ?? null,
    removeExpired: (before, options) => driver.removeWhere(declaration, 'expiresBefore', before, options)
  }
}
