/**
 * Somebody else who writes to the same table, in a process of its own: changes grants that are alive, and adds new ones. Tells the
 * milliseconds that each write took.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { collections } from '@fastify-mcp-auth/authorization-server'
import type { CollectionDeclaration, StoredRecord } from '@fastify-mcp-auth/core'
import { openStorage } from './server.ts'

const [url = ''] = process.argv.slice(2)
const found = collections.find(({ name }) => name === 'grants')
if (!found) throw new Error('there is no collection of grants')
const grants: CollectionDeclaration = found
const storage = openStorage(url)
const page = await storage.scan?.(grants, { limit: 1000 })
const alive = page?.records.filter(({ record }) => Number(record['expiresAt']) > 1e9) ?? []

let waits: number[] = []
process.on('disconnect', () => process.exit())
process.on('message', () => {
  process.send?.(waits)
  waits = []
})
process.send?.('ready')

for (let turn = 0; ; turn++) {
  const { key, record } = alive[turn % alive.length] as { key: string; record: StoredRecord }
  const started = performance.now()
  const end = Number(record['expiresAt']) + turn
  if (turn % 2 === 0) await storage.update(grants, key, {}, { lastUsedAt: turn, expiresAt: end })
  else await storage.insert(grants, randomUUID(), { ...record, subject: `new-${turn}`, expiresAt: end })
  waits.push(performance.now() - started)
  await sleep(2)
}
