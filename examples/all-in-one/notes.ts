/** Notes, one small collection in the same storage as everything else. A note belongs to one account and is never seen by another. */
import { type Clock, defineCollection, openCollection, randomSecret, type StorageDriver } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'

const NOTES = defineCollection({
  name: 'app_notes',
  record: Type.Object({ accountId: Type.String(), text: Type.String(), createdAt: Type.Integer() }),
  indexes: ['accountId']
})

export interface Notes {
  /** Oldest first. */
  list(accountId: string): Promise<string[]>
  add(accountId: string, text: string): Promise<void>
  /** @returns how many there were */
  deleteAll(accountId: string): Promise<number>
}

export async function openNotes(storage: StorageDriver, clock: Clock): Promise<Notes> {
  await storage.open?.([NOTES])
  const notes = openCollection(storage, NOTES)
  let added = 0

  return {
    async list(accountId) {
      const texts: string[] = []
      let cursor: string | null = null
      do {
        const page: Awaited<ReturnType<typeof notes.list>> = await notes.list('accountId', accountId, { cursor })
        texts.push(...page.records.map(({ record }) => record.text))
        cursor = page.cursor
      } while (cursor !== null)
      return texts
    },
    async add(accountId, text) {
      const createdAt = clock.now()
      added += 1
      // Lists come in the order of their keys, so the key begins with the time.
      const key = [createdAt.toString().padStart(12, '0'), added.toString().padStart(9, '0'), randomSecret(8)].join('-')
      await notes.insert(key, { accountId, text, createdAt })
    },
    deleteAll: accountId => notes.removeWhere('accountId', accountId)
  }
}
