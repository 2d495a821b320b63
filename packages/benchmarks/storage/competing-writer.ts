/**
 * Somebody else who writes meanwhile, in a process of its own: to grants that are alive and stand between those that go, new grants, and
 * to a table that nobody cleans up. Tells how many milliseconds each write took.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { collections } from '@fastify-mcp-auth/authorization-server'
import type { CollectionDeclaration, StoredRecord } from '@fastify-mcp-auth/core'
import { openStorage } from './server.ts'

/** Milliseconds of each write. */
export interface Waits {
  readonly neighbour: number[]
  readonly 'new grant': number[]
  readonly elsewhere: number[]
}

const nothing = (): Waits => ({ neighbour: [], 'new grant': [], elsewhere: [] })

const [url = ''] = process.argv.slice(2)
const storage = openStorage(url)
const [grants, tokens] = ['grants', 'initial_access_tokens'].map(collectionOf) as [
  CollectionDeclaration,
  CollectionDeclaration
]
const page = await storage.scan?.(grants, { limit: 1000 })
const alive = page?.records.filter(({ record }) => Number(record['expiresAt']) > 1e9) ?? []

let waits = nothing()
process.on('disconnect', () => process.exit())
process.on('message', () => {
  process.send?.(waits)
  waits = nothing()
})
process.send?.('ready')

for (let turn = 0; ; turn++) {
  const { key, record } = alive[turn % alive.length] as { key: string; record: StoredRecord }
  const end = Number(record['expiresAt']) + turn
  await timed('neighbour', () => storage.update(grants, key, {}, { lastUsedAt: turn, expiresAt: end }))
  const fresh = key.slice(0, 13) + randomUUID()
  await timed('new grant', () => storage.insert(grants, fresh, { ...record, subject: `new-${turn}`, expiresAt: end }))
  const token = { createdAt: turn, expiresAt: end, usedAt: null }
  await timed('elsewhere', () => storage.insert(tokens, randomUUID(), token))
}

async function timed(kind: keyof Waits, write: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  await write()
  waits[kind].push(performance.now() - start)
  await sleep(10)
}

function collectionOf(wanted: string): CollectionDeclaration {
  const found = collections.find(({ name }) => name === wanted)
  if (!found) throw new Error(`there is no collection of ${wanted}`)
  return found
}
