/** Needs Redis, and starts servers of its own: what a broken line or a server in trouble makes of a verb. */
import { createServer } from 'node:net'
import { isUnavailableError } from '@fastify-mcp-auth/core'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { badLine } from './bad-line.ts'
import { grant, grants } from './collections.ts'
import { startRedis } from './redis-server.ts'
import { onServer, url } from './server.ts'

const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    verdict => `the verdict ${verdict}`,
    error => error
  )

async function lineTo(t: Test, isOurClient: boolean) {
  const { admin, keyPrefix } = onServer(t)
  const line = await badLine(t, new URL(url))
  // With the defaults of ioredis, which sends what was not answered once more.
  const client = isOurClient ? new Redis(line.url, { lazyConnect: true }) : null
  const storage = redisStorage(client ? { client, keyPrefix } : { url: line.url, keyPrefix })
  t.teardown(() => storage.close())
  await storage.open([grants])
  await storage.insert(grants, 'a', grant)
  await storage.update(grants, 'a', {}, {})
  const usedAt = (): Promise<string | null> => admin.hget(`${keyPrefix}{grants}:record:a`, 'usedAt')
  return { line, storage, usedAt, admin, keyPrefix }
}

for (const isOurClient of [false, true]) {
  const whose = isOurClient ? 'a client of the app' : 'a URL'

  await t.test(
    `${whose}: a write whose answer is lost is an outage, not a lost race, and is not sent again`,
    async t => {
      const { line, storage, usedAt } = await lineTo(t, isOurClient)
      line.next = { word: 'usedAt', fate: 'answer lost' }
      const before = line.scripts
      const error = await failure(storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }))
      t.ok(isUnavailableError(error), String(error))
      t.equal(await usedAt(), '1', 'it had been done')
      t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 2 }), false, 'and the line is back')
      t.equal(line.scripts - before, 2)
    }
  )

  await t.test(`${whose}: a write that never arrives is an outage, and nothing comes of it later`, async t => {
    const { line, storage, usedAt } = await lineTo(t, isOurClient)
    line.next = { word: 'usedAt', fate: 'lost' }
    t.ok(isUnavailableError(await failure(storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }))))
    t.not(await storage.get(grants, 'a'), null, 'the line is back')
    t.equal(await usedAt(), 'null')
    t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 2 }), true)
  })
}

const REPLIES = [
  'LOADING Redis is loading the dataset in memory',
  "READONLY You can't write against a read only replica.",
  'CLUSTERDOWN The cluster is down',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  "OOM command not allowed when used memory > 'maxmemory'.",
  'MISCONF Errors writing to the AOF file',
  'NOREPLICAS Not enough good replicas to write.',
  'BUSY Redis is busy running a script.',
  'NOAUTH Authentication required.',
  'ERR max number of clients reached'
]
await t.test('a server in trouble is unavailable, whatever the trouble is', async t => {
  const { line, storage, usedAt } = await lineTo(t, false)
  for (const reply of REPLIES) {
    line.next = { word: 'usedAt', fate: { reply } }
    const error = await failure(storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }))
    t.ok(isUnavailableError(error), `${reply}: ${error}`)
    t.notMatch(JSON.stringify(error), 'usedAt')
  }
  t.equal(await usedAt(), 'null')
  await failure(storage.get(grants, 'a'))
  t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }), true, 'and works when it is over')
})

await t.test('errors do not carry the values of the command', async t => {
  const { storage, admin, keyPrefix } = await lineTo(t, false)
  await admin.set(`${keyPrefix}{grants}:record:b`, 'of somebody else')
  const error = await failure(storage.update(grants, 'b', { owner: 'a-secret-value' }, { usedAt: 1 }))
  t.match(error, { message: /^WRONGTYPE/ })
  t.notOk(isUnavailableError(error), 'a mistake, not an outage')
  t.notMatch(JSON.stringify({ ...(error as object) }), 'a-secret-value')
})

await t.test('a server that is not there, hangs up or says nothing is unavailable', async t => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  const rude = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  t.teardown(() => {
    silent.close()
    rude.close()
  })
  await Promise.all([silent, rude].map(server => new Promise(resolve => server.once('listening', resolve))))
  const ports = [silent, rude].map(server => Object(server.address()).port as number)
  const answers = await Promise.all(
    [...ports, 1].map(async port => {
      const storage = redisStorage({ url: `redis://:hunter2@127.0.0.1:${port}` })
      t.teardown(() => storage.close())
      return [await failure(storage.open([grants])), await failure(storage.get(grants, 'a'))]
    })
  )
  for (const error of answers.flat()) {
    t.ok(isUnavailableError(error), String(error))
    t.notMatch(String(error), /127\.0\.0\.1|hunter2/, 'the address is for the log, not for the client')
  }
})

await t.test('a server without room: nothing is half written, and clean-up still works', async t => {
  const server = await startRedis(t, ['--maxmemory-policy', 'noeviction'])
  const storage = redisStorage({ url: server.url, keyPrefix: 'x:' })
  t.teardown(() => storage.close())
  await storage.open([grants])
  await storage.insert(grants, 'a', { ...grant, expiresAt: 1 })
  await server.admin.config('SET', 'maxmemory', '1')
  t.ok(isUnavailableError(await failure(storage.insert(grants, 'b', { ...grant, expiresAt: 1 }))))
  t.ok(isUnavailableError(await failure(storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }))))
  t.same(await storage.get(grants, 'a'), { ...grant, expiresAt: 1 })
  t.equal(await storage.removeWhere(grants, 'expiresBefore', 2), 1)
  t.same(await server.admin.keys('x:*'), [])
})

await t.test('kill -9 of the server: what was answered is there after a restart, and nothing works twice', async t => {
  const server = await startRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const storage = redisStorage({ url: server.url, keyPrefix: 'x:' })
  t.teardown(() => storage.close())
  await storage.open([grants])
  const consumed: string[] = []
  const writing = (async () => {
    for (let count = 0; ; count++) {
      const key = String(count)
      await storage.insert(grants, key, grant)
      if (await storage.update(grants, key, { usedAt: null }, { usedAt: 1 })) consumed.push(key)
      if (count === 100) void server.kill()
    }
  })()
  t.ok(isUnavailableError(await failure(writing)))
  await server.restart()
  while (await failure(storage.get(grants, '0')).then(isUnavailableError));
  t.ok(consumed.length >= 100)
  for (const key of consumed) {
    t.same(await storage.get(grants, key), { ...grant, usedAt: 1 })
    t.equal(await storage.update(grants, key, { usedAt: null }, { usedAt: 2 }), false)
  }
  const { records } = await storage.list(grants, 'owner', 'alice', { limit: 1000 })
  t.equal(records.length, await storage.count(grants, { prefix: '', limit: 1000 }))
  for (const { record } of records) t.match(record, { owner: 'alice' })
})
