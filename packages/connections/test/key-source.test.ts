/** Encryption keys that are kept or unwrapped somewhere else. */
import { randomBytes } from 'node:crypto'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import t from 'tap'
import { createWorld } from './world.ts'

t.test('feature 15: keys from a function, asked once while starting; an error of it stops the start', async t => {
  const key = randomBytes(32).toString('base64')
  let asked = 0
  const encryptionKeys = async () => {
    asked++
    return [key]
  }
  const world = await createWorld(t, { app: { storage: memoryStorage(), encryptionKeys } })
  await world.connect()
  t.equal(await world.whoami(), 'alice')
  t.equal(asked, 1)
  const same = await world.another({ encryptionKeys: [key] })
  t.equal((await same.status({ type: 'user', id: 'alice' }, 'notes')).status, 'active')
  await t.rejects(world.another({ encryptionKeys: () => Promise.reject(new Error('the vault is sealed')) }), {
    message: 'the vault is sealed'
  })
  await t.rejects(world.another({ encryptionKeys: async () => ['short'] }), { message: /encryptionKeys/ })
  await t.rejects(world.another({ encryptionKeys: async () => [] }), { message: /encryptionKeys/ })
})
