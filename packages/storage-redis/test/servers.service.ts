/** Starts Redis servers of its own: which of them may be trusted not to drop a grant, and what the driver needs to be allowed. */
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import t from 'tap'
import { grant, grants, handle, handles } from './collections.ts'
import { startRedis } from './redis-server.ts'

await t.test('a server that may drop records is refused, and nothing is written', async t => {
  const server = await startRedis(t)
  for (const policy of ['allkeys-lru', 'allkeys-random', 'volatile-lru', 'volatile-ttl']) {
    await server.admin.config('SET', 'maxmemory-policy', policy)
    const storage = redisStorage({ url: server.url })
    await t.rejects(storage.open([grants, handles]), {
      code: 'FST_OAUTH_STORAGE',
      message: new RegExp(`"${policy}".*"noeviction".*"shortLivedOnly"`)
    })
    await t.rejects(storage.open([handles]), { code: 'FST_OAUTH_STORAGE' }, 'also for short-lived records')
    await storage.close()
  }
  t.same(await server.admin.keys('*'), [])
  await server.admin.config('SET', 'maxmemory-policy', 'noeviction')
  const storage = redisStorage({ url: server.url })
  t.teardown(() => storage.close())
  await t.resolves(storage.open([grants, handles]))
})

await t.test('unless it was told that it holds short-lived records only, which then is held against it', async t => {
  const server = await startRedis(t, ['--maxmemory-policy', 'allkeys-lru'])
  const storage = redisStorage({ url: server.url, shortLivedOnly: true })
  t.teardown(() => storage.close())
  await t.resolves(storage.open([handles]))
  t.equal(await storage.insert(handles, 'a', handle), true)
  await t.rejects(storage.open([handles, grants]), { code: 'FST_OAUTH_STORAGE', message: /"grants"/ })
})

await t.test('the rights that the guide names are enough, and less is told at the start', async t => {
  const server = await startRedis(t)
  const storageOf = (user: string) => {
    const storage = redisStorage({ url: `redis://${user}:pass@127.0.0.1:${server.port}` })
    t.teardown(() => storage.close())
    return storage
  }
  const rights = ['on', '>pass', '~mcp-auth:*', '+@read', '+@write', '+@scripting']
  await server.admin.acl('SETUSER', 'enough', ...rights, '+info')
  await server.admin.acl('SETUSER', 'less', ...rights)
  const storage = storageOf('enough')
  await storage.open([grants])
  t.equal(await storage.insert(grants, 'a', grant), true)
  t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1, expiresAt: 1 }), true)
  t.equal((await storage.list(grants, 'owner', 'alice')).records.length, 1)
  t.equal(await storage.count(grants, { prefix: '', limit: 10 }), 1)
  t.equal(await storage.removeWhere(grants, 'expiresBefore', 5), 1)
  t.equal(await storage.remove(grants, 'a'), false)
  await t.rejects(storageOf('less').open([grants]), { message: /NOPERM.*info/i })
  await t.rejects(storageOf('nobody').open([grants]), { code: 'FST_OAUTH_UNAVAILABLE' })
})
