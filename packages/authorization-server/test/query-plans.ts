/** Every statement that the SQL driver can send for the collections of the authorization server, and how an engine finds its rows. */
import { randomUUID } from 'node:crypto'
import type { CollectionDeclaration, Guard, StorageDriver, StoredRecord } from '@fastify-mcp-auth/core'

export interface SentStatement {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

/** Records per collection, so that an engine has a reason to use an index. */
const RECORDS = 300

/** A record whose index values are shared by a few and whose expiry lies somewhere. */
function recordOf({ fields, indexes, expiry }: CollectionDeclaration, number: number): StoredRecord {
  return Object.fromEntries(
    fields.map(({ name, kind }) => {
      if (indexes.includes(name)) return [name, `value ${number % 50}`]
      if (name === expiry) return [name, number]
      const ordinary = { text: `text ${number}`, integer: number, boolean: true, json: { number } }
      return [name, ordinary[kind]]
    })
  )
}

export async function fill(storage: StorageDriver, collections: readonly CollectionDeclaration[]): Promise<void> {
  for (const collection of collections)
    for (let at = 0; at < RECORDS; at += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, more) =>
          storage.insert(collection, randomUUID(), recordOf(collection, at + more))
        )
      )
}

/** Uses every verb in every way that makes another statement. */
export async function useEverything(
  storage: StorageDriver,
  collections: readonly CollectionDeclaration[]
): Promise<void> {
  for (const collection of collections) {
    const { indexes, fields } = collection
    await storage.get(collection, 'key')
    await storage.remove(collection, 'key')
    const [first] = fields.filter(({ kind }) => kind !== 'json')
    const guard: Guard = { [first?.name ?? '']: recordOf(collection, 1)[first?.name ?? ''] as string | number }
    for (const guarded of [{}, guard, { [first?.name ?? '']: null }])
      for (const patch of [{}, recordOf(collection, 2)]) await storage.update(collection, 'key', guarded, patch)
    for (const index of indexes) {
      await storage.list(collection, index, 'value 7')
      await storage.list(collection, index, 'value 7', { cursor: 'key' })
      await storage.removeWhere(collection, index, 'value 7', { limit: 2 })
    }
    const { cursor } = await storage.list(collection, 'expiresBefore', 50, { limit: 2 })
    await storage.list(collection, 'expiresBefore', 50, { limit: 2, cursor })
    await storage.removeWhere(collection, 'expiresBefore', 5, { limit: 2 })
    for (const guarded of [{}, guard, { [first?.name ?? '']: null }])
      await storage.take?.(collection, ['key', 'another'], { expiresBefore: 5, guard: guarded })
    await storage.count?.(collection, { prefix: '', limit: 10 })
    await storage.count?.(collection, { prefix: 'a', limit: 10 })
    await storage.scan?.(collection, { limit: 10 })
    await storage.scan?.(collection, { limit: 10, cursor: 'a' })
  }
}

/** One of each, and no inserts: those look for nothing. */
export function distinct(sent: readonly SentStatement[]): SentStatement[] {
  const bySql = new Map(sent.map(statement => [statement.sql, statement]))
  return [...bySql.values()].filter(({ sql }) => /^(select|update|delete)/.test(sql))
}
