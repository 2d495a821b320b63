/**
 * Makes one collection of a storage equal to that of another, side by side in the order of their keys. What is equal already is only
 * read: so whatever interrupts it, the next run continues, and a second one sees what changed meanwhile.
 */
import { isDeepStrictEqual } from 'node:util'
import { type CollectionDeclaration, compareKeys, type StorageDriver, type StoredRecord } from '@fastify-mcp-auth/core'
import { refuse } from './config.ts'

export interface MergeOptions {
  readonly collection: CollectionDeclaration
  readonly from: StorageDriver
  readonly to: StorageDriver
  /** Records that are read at once. */
  readonly batch: number
  /** Look and count only. */
  readonly dryRun: boolean
  /** Remove from the target what the source does not have. */
  readonly prune: boolean
  /** Told after each batch. */
  onProgress?(records: number): void
}

/** What was done, or would be. */
export interface MergeCounts {
  /** Records of the source. */
  records: number
  added: number
  changed: number
  /** Those of the target that the source does not have. */
  extra: number
}

/** Writes that are under way at the same time: enough to keep a network busy, too few to be in anybody's way. */
const WRITERS = 16

/** @throws Error when somebody else writes to the target */
export async function merge(options: MergeOptions): Promise<MergeCounts> {
  const { from, to, dryRun, prune } = options
  const { name } = options.collection
  const counts: MergeCounts = { records: 0, added: 0, changed: 0, extra: 0 }
  const target = walk(to, options)
  const { write, finish } = dryRun ? NO_WRITERS : createWriters()
  let there = await target.next()
  const dropBefore = async (key: string | null): Promise<void> => {
    for (; !there.done && (key === null || compareKeys(there.value.key, key) < 0); there = await target.next()) {
      const { key: gone } = there.value
      counts.extra++
      if (prune) await write(() => to.remove(options.collection, gone))
    }
  }
  for await (const { key, record } of walk(from, options)) {
    await dropBefore(key)
    counts.records++
    if (there.done || there.value.key !== key) {
      counts.added++
      await write(() => won(to.insert(options.collection, key, record), name))
    } else {
      if (!isDeepStrictEqual(there.value.record, record)) {
        counts.changed++
        await write(() => won(to.update(options.collection, key, {}, record), name))
      }
      there = await target.next()
    }
    if (counts.records % options.batch === 0) options.onProgress?.(counts.records)
  }
  await dropBefore(null)
  await finish()
  return counts
}

interface Writers {
  /** Waits only while too many are under way. */
  write(one: () => Promise<unknown>): Promise<void>
  /** Waits for all. */
  finish(): Promise<void>
}

const NO_WRITERS: Writers = { write: async () => {}, finish: async () => {} }

function createWriters(): Writers {
  let pending: Promise<unknown>[] = []
  const finish = async (): Promise<void> => {
    const running = pending
    pending = []
    await Promise.all(running)
  }
  return {
    finish,
    async write(one) {
      const running = one()
      // Told by `finish`, which may come to it only after the next page was read.
      running.catch(() => undefined)
      pending.push(running)
      if (pending.length >= WRITERS) await finish()
    }
  }
}

async function won(written: Promise<boolean>, collection: string): Promise<void> {
  if (!(await written)) throw new Error(`${collection}: somebody else writes to the target; stop that, and copy again`)
}

async function* walk(
  driver: StorageDriver,
  { collection, batch }: MergeOptions
): AsyncGenerator<{ readonly key: string; readonly record: StoredRecord }> {
  if (!driver.scan) throw refuse('a storage without the verb "scan" cannot be copied')
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<NonNullable<StorageDriver['scan']>>> = await driver.scan(collection, {
      limit: batch,
      cursor
    })
    yield* page.records
    if (page.cursor === null) return
    cursor = page.cursor
  }
}
