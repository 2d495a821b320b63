import { defineCollection } from '@fastify-mcp-auth/core'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { Redis } from 'ioredis'
import t from 'tap'
import { Type } from 'typebox'

await t.test('wrong options stop the boot and are named', async t => {
  const client = new Redis({ lazyConnect: true })
  const wrong: [unknown, RegExp][] = [
    [{}, /"url" is missing/],
    [{ url: '' }, /"url"/],
    [{ url: 'http://127.0.0.1' }, /"url" must begin with redis:/],
    [{ url: 'redis://127.0.0.1', client }, /"url" and "client"/],
    [{ client: {} }, /"client" must be a client of ioredis/],
    [{ client: new Redis({ lazyConnect: true, keyPrefix: '{}' }) }, /"client" has a keyPrefix with a brace/],
    [{ url: 'redis://127.0.0.1', keyPrefix: '' }, /"keyPrefix"/],
    [{ url: 'redis://127.0.0.1', keyPrefix: '{a}' }, /"keyPrefix"/],
    [{ url: 'redis://127.0.0.1', retention: 0 }, /"retention"/],
    [{ url: 'redis://127.0.0.1', ttl: 1 }, /no option "ttl"/]
  ]
  for (const [options, message] of wrong)
    t.throws(() => redisStorage(options as object), { code: 'FST_OAUTH_OPTION', message })
})

await t.test('a URL of another kind is not repeated: it may have a password', async t => {
  try {
    redisStorage({ url: 'mongodb://root:hunter2@db/test' })
    t.fail('accepted')
  } catch (error) {
    t.match(error, { code: 'FST_OAUTH_OPTION' })
    t.notMatch(String(error), /hunter2/)
  }
})

await t.test('capabilities are known before anything is connected', async t => {
  const storage = redisStorage({ url: 'redis://127.0.0.1:1' })
  t.same(storage.capabilities, { durable: true, atomic: true, shared: true })
  await storage.close()
})

await t.test('what cannot be a key or a value is told without asking the server', async t => {
  const storage = redisStorage({ url: 'redis://127.0.0.1:1' })
  const notes = defineCollection({
    name: 'notes',
    record: Type.Object({ owner: Type.String(), count: Type.Integer(), any: Type.Unknown() }),
    indexes: ['owner']
  })
  const note = { owner: 'alice', count: 0, any: null }
  const long = 'x'.repeat(769)
  for (const key of ['a\0', '\ud800', long]) {
    t.equal(await storage.get(notes, key), null)
    t.equal(await storage.remove(notes, key), false)
    t.equal(await storage.update(notes, key, {}, { count: 1 }), false)
    t.equal(await storage.update(notes, 'a', { owner: key }, { count: 1 }), false)
    t.same(await storage.list(notes, 'owner', key), { records: [], cursor: null })
    t.equal(await storage.removeWhere(notes, 'owner', key), 0)
    await t.rejects(storage.insert(notes, key, note), RangeError)
    await t.rejects(storage.insert(notes, 'a', { ...note, owner: key }), RangeError)
  }
  await t.rejects(storage.insert(notes, 'a', { ...note, count: 0.5 }), TypeError)
  await t.rejects(storage.insert(notes, 'a', { ...note, owner: 1 }), TypeError)
  await t.rejects(storage.insert(notes, 'a', { ...note, any: () => {} }), TypeError)
  await t.rejects(storage.insert(notes, 'a', { ...note, more: 1 }), TypeError)
  await t.rejects(storage.update(notes, 'a', { any: 'x' }, {}), TypeError)
  await t.rejects(storage.update(notes, 'a', {}, { more: 1 }), TypeError)
  await storage.close()
})
