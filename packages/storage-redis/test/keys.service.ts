/** Needs Redis: which keys there are, how long they live, and that none is left behind. */
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { grant, grants, handle, handles } from './collections.ts'
import { startRedis } from './redis-server.ts'
import { onServer, url } from './server.ts'

const HOUR = 3600

async function opened(t: Test) {
  const server = onServer(t)
  const storage = redisStorage({ url, keyPrefix: server.keyPrefix, retention: HOUR })
  t.teardown(() => storage.close())
  await storage.open([grants, handles])
  const ttl = (collection: string, key: string): Promise<number> =>
    server.admin.ttl(`${server.keyPrefix}{${collection}}:record:${key}`)
  return { ...server, storage, ttl }
}

await t.test('nothing is left of records that were removed, in whatever way', async t => {
  const { storage, keys } = await opened(t)
  for (let count = 0; count < 30; count++) {
    await storage.insert(grants, `${count}`, { owner: `owner ${count % 3}`, usedAt: null, expiresAt: count })
    await storage.insert(handles, `${count}`, { ...handle, expiresAt: count })
    await storage.update(grants, `${count}`, {}, { owner: `owner ${count % 5}`, expiresAt: count % 2 ? 5 : null })
    if (count % 7 === 0) await storage.remove(grants, `${count}`)
  }
  t.ok((await keys()).length > 50)
  await storage.removeWhere(grants, 'expiresBefore', 100)
  for (let owner = 0; owner < 5; owner++) await storage.removeWhere(grants, 'owner', `owner ${owner}`)
  await storage.removeWhere(handles, 'expiresBefore', 100)
  t.same(await keys(), [])
})

await t.test('a record without an index is dropped by Redis itself, well after it expired', async t => {
  const { storage, ttl } = await opened(t)
  const now = Math.floor(Date.now() / 1000)
  const near = (found: number, wanted: number, message: string): void => {
    t.ok(Math.abs(found - wanted) < 30, `${message}: ${found}`)
  }
  await storage.insert(handles, 'a', { ...handle, expiresAt: now + 600 })
  near(await ttl('handles', 'a'), 600 + HOUR, 'after its expiry')
  await storage.update(handles, 'a', { usedAt: null }, { usedAt: 1 })
  near(await ttl('handles', 'a'), 600 + HOUR, 'unless its expiry changes')
  await storage.update(handles, 'a', {}, { expiresAt: now + 9000 })
  near(await ttl('handles', 'a'), 9000 + HOUR, 'which moves it')
  await storage.update(handles, 'a', {}, { expiresAt: null })
  t.equal(await ttl('handles', 'a'), -1, 'null is never')
  await storage.insert(handles, 'long ago', { ...handle, expiresAt: 1 })
  near(await ttl('handles', 'long ago'), HOUR, 'what has expired is still there to be judged')
  await storage.insert(handles, 'far', { ...handle, expiresAt: Number.MAX_SAFE_INTEGER })
  t.ok((await ttl('handles', 'far')) > 1e9)
})

await t.test('a record with an index is not: it would stay in the list of its value', async t => {
  const { storage, ttl } = await opened(t)
  await storage.insert(grants, 'a', { ...grant, expiresAt: 5 })
  t.equal(await ttl('grants', 'a'), -1)
  await storage.update(grants, 'a', {}, { expiresAt: 9 })
  t.equal(await ttl('grants', 'a'), -1)
})

await t.test('what Redis dropped is not counted as removed, and does not hide what is behind it', async t => {
  const { storage, admin, keyPrefix, keys } = await opened(t)
  for (let count = 0; count < 450; count++) await storage.insert(handles, `${count}`, { ...handle, expiresAt: count })
  for (let count = 0; count < 420; count++) await admin.unlink(`${keyPrefix}{handles}:record:${count}`)
  t.equal(await storage.removeWhere(handles, 'expiresBefore', 1000, { limit: 20 }), 20)
  t.equal(await storage.removeWhere(handles, 'expiresBefore', 1000), 10)
  t.same(await keys(), [])
})

await t.test('without any clean-up, what is known about dropped records goes with new ones', async t => {
  const { storage, admin, keyPrefix } = await opened(t)
  for (let count = 0; count < 20; count++)
    await storage.insert(handles, `old ${count}`, { ...handle, expiresAt: count })
  for (let count = 0; count < 20; count++) await admin.unlink(`${keyPrefix}{handles}:record:old ${count}`)
  const later = Math.floor(Date.now() / 1000) + 600
  for (let count = 0; count < 10; count++)
    await storage.insert(handles, `new ${count}`, { ...handle, expiresAt: later })
  t.equal(await admin.zcard(`${keyPrefix}{handles}:expiry`), 10)
  t.equal(await storage.count(handles, { prefix: '', limit: 100 }), 10)
})

await t.test('a large removal is many short scripts, and its limit is kept', async t => {
  const { storage } = await opened(t)
  await Promise.all(Array.from({ length: 1500 }, (_, count) => storage.insert(grants, `${count}`, grant)))
  t.equal(await storage.removeWhere(grants, 'owner', 'alice', { limit: 1100 }), 1100)
  t.equal(await storage.removeWhere(grants, 'owner', 'alice', { limit: 1100 }), 400)
})

await t.test('a server that forgot the scripts is told again', async t => {
  // A server of its own: what others are doing meanwhile would be told again as well, and one of them takes that answer away.
  const { url, admin } = await startRedis(t)
  const storage = redisStorage({ url })
  t.teardown(() => storage.close())
  await storage.open([grants])
  await storage.insert(grants, 'a', grant)
  await admin.script('FLUSH')
  t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }), true)
  t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }), false)
})

await t.test('deployments with another prefix, or a client with a prefix, keep apart', async t => {
  const { storage, keyPrefix, keys } = await opened(t)
  const client = new Redis(url, { lazyConnect: true, keyPrefix: `${keyPrefix}app:` })
  const other = redisStorage({ client, keyPrefix: 'x:' })
  t.teardown(() => other.close())
  await other.open([grants])
  await storage.insert(grants, 'a', grant)
  t.equal(await other.get(grants, 'a'), null)
  t.equal(await other.insert(grants, 'a', grant), true)
  t.equal(await other.removeWhere(grants, 'owner', 'alice'), 1)
  t.not(await storage.get(grants, 'a'), null)
  await other.insert(grants, 'b', grant)
  t.strictSame(
    (await keys()).filter(key => !key.startsWith(`${keyPrefix}{`)),
    ['by:owner:"alice"', 'keys', 'record:b'].map(key => `${keyPrefix}app:x:{grants}:${key}`)
  )
  t.equal(client.status, 'wait', 'the client of the app is not used')
})

await t.test('a record from before a field was declared has null there, and can be guarded', async t => {
  const { storage, admin, keyPrefix } = await opened(t)
  await storage.insert(grants, 'a', grant)
  await admin.hdel(`${keyPrefix}{grants}:record:a`, 'usedAt')
  t.same(await storage.get(grants, 'a'), grant)
  t.equal(await storage.update(grants, 'a', { usedAt: 0 }, { usedAt: 1 }), false)
  t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }), true)
})

await t.test('what expired long ago by a clock that is wrong is not forgotten while it is there', async t => {
  const { storage } = await opened(t)
  await storage.insert(handles, 'a', { ...handle, expiresAt: 1 })
  for (const key of ['b', 'c']) await storage.insert(handles, key, { ...handle, expiresAt: 2 })
  t.equal(await storage.count(handles, { prefix: 'a', limit: 10 }), 1)
  t.equal(await storage.removeWhere(handles, 'expiresBefore', 10), 3)
})
