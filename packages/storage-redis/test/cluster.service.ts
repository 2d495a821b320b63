/** Starts Redis servers of its own: a cluster of three, and a pair with a Sentinel that changes its roles. */
import { isUnavailableError } from '@fastify-mcp-auth/core'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { storageSuite } from '@fastify-mcp-auth/testing/storage-suite'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { badLine } from './bad-line.ts'
import { grant, grants, handle, handles } from './collections.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

const SLOTS = 16_384

async function startCluster(t: Test): Promise<RedisServer[]> {
  const buses = [await freePort(), await freePort(), await freePort()]
  // Longer than a busy machine makes a server wait, which would be taken for dead.
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000']
  const servers = await Promise.all(buses.map(bus => startRedis(t, [...settings, '--cluster-port', String(bus)])))
  const [first] = servers
  for (const [at, { admin, port }] of servers.entries()) {
    const [from, to] = [at, at + 1].map(part => Math.floor((part * SLOTS) / servers.length))
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(Number(to) - 1))
    await first?.admin.call('CLUSTER', 'MEET', '127.0.0.1', String(port), String(buses[at]))
  }
  for (const { admin } of servers) while (!String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  return servers
}

function clientOf(t: Test, servers: readonly RedisServer[]): Cluster {
  const client = new Cluster(
    servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    { lazyConnect: true }
  )
  t.teardown(() => client.disconnect())
  return client
}

await t.test('Redis Cluster', async t => {
  const servers = await startCluster(t)
  const client = clientOf(t, servers)

  await t.test('the contract', t => storageSuite(t, () => redisStorage({ client })))

  await t.test('collections are on different servers, each whole on one', async t => {
    const holders = await Promise.all(
      servers.map(async ({ admin }) => new Set((await admin.keys('*')).map(key => /\{(.*?)\}/.exec(key)?.[1])))
    )
    const names = holders.flatMap(found => [...found])
    t.equal(new Set(names).size, names.length)
    t.ok(holders.filter(found => found.size > 0).length > 1)
  })

  await t.test('a slot that moves while it is written to loses nothing and works once', async t => {
    const storage = redisStorage({ client, keyPrefix: 'moved:' })
    t.teardown(() => storage.close())
    await storage.open([grants])
    t.equal(await storage.insert(grants, 'used before', grant), true)
    const slot = Number(await servers[0]?.admin.call('CLUSTER', 'KEYSLOT', '{grants}'))
    const from = servers[Math.floor((slot * servers.length) / SLOTS)] as RedisServer
    const to = servers.find(server => server !== from) as RedisServer
    const [source, target] = await Promise.all(
      [from, to].map(async ({ admin }) => String(await admin.call('CLUSTER', 'MYID')))
    )
    const winners: string[] = []
    let isMoved = false
    const writing = Promise.all(
      [1, 2, 3].map(async writer => {
        for (let count = 0; !isMoved || count < 50; count++) {
          const key = `${writer} ${count}`
          const created = await storage.insert(grants, key, grant).catch(unavailable)
          if (!created) continue
          const won = await Promise.all(
            [1, 2].map(() => storage.update(grants, key, { usedAt: null }, { usedAt: 1 }).catch(unavailable))
          )
          if (won.filter(Boolean).length > 1) t.fail(`${key} worked twice`)
          if (won.includes(true)) winners.push(key)
        }
      })
    )
    await to.admin.call('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', String(source))
    await from.admin.call('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', String(target))
    // Half way: the new owner, which lacks the record, must not be asked whether it is there.
    t.not(await storage.insert(grants, 'used before', grant).catch(unavailable), true)
    for (;;) {
      const keys = (await from.admin.call('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[]
      if (keys.length === 0) break
      await from.admin.call('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys)
    }
    for (const { admin } of [to, from]) await admin.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', String(target))
    isMoved = true
    await writing
    t.ok(winners.length > 0)
    for (const key of winners) {
      t.equal((await storage.get(grants, key))?.['usedAt'], 1)
      t.equal(await storage.update(grants, key, { usedAt: null }, { usedAt: 2 }), false)
    }
    t.equal((await to.admin.keys('moved:*')).length > 0, true)
    t.same(await from.admin.keys('moved:*'), [])
  })

  await t.test('a write whose answer is lost is an outage, not a lost race, and is not sent again', async t => {
    const lines = await Promise.all(
      servers.map(async ({ url, port }) => ({ port, line: await badLine(t, new URL(url)) }))
    )
    const natMap = Object.fromEntries(
      lines.map(({ port, line }) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: Number(new URL(line.url).port) }])
    )
    // With the defaults of ioredis, which sends a command again whose connection broke.
    const given = new Cluster(Object.values(natMap), { lazyConnect: true, natMap })
    const storage = redisStorage({ client: given, keyPrefix: 'line:' })
    t.teardown(() => storage.close())
    await storage.open([grants])
    await storage.insert(grants, 'a', grant)
    await storage.update(grants, 'a', {}, {})
    const sent = (): number => lines.reduce((sum, { line }) => sum + line.scripts, 0)
    const before = sent()
    for (const { line } of lines) line.next = { word: 'usedAt', fate: 'answer lost' }
    const error = await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }).catch(error => error)
    for (const { line } of lines) line.next = null
    t.ok(isUnavailableError(error), String(error))
    t.equal(sent() - before, 1)
    for (;;) {
      const found = await storage.get(grants, 'a').catch(unavailable)
      if (found === false) continue
      t.equal(found?.['usedAt'], 1, 'it had been done')
      break
    }
  })

  await t.test('each primary is looked at before anything is kept', async t => {
    await servers[2]?.admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const storage = redisStorage({ client })
    t.teardown(() => storage.close())
    await t.rejects(storage.open([grants]), { code: 'FST_OAUTH_STORAGE' })
    await servers[2]?.admin.config('SET', 'maxmemory-policy', 'noeviction')
  })

  await t.test('the server of a collection is killed: an outage, never a verdict', async t => {
    const storage = redisStorage({ client })
    t.teardown(() => storage.close())
    await storage.open([grants, handles])
    await storage.insert(handles, 'a', handle)
    for (const server of servers) if ((await server.admin.keys('*{handles}*')).length > 0) await server.kill()
    for (const ask of [
      () => storage.get(handles, 'a'),
      () => storage.update(handles, 'a', { usedAt: null }, { usedAt: 1 }),
      () => storage.insert(handles, 'b', handle),
      () => storage.removeWhere(handles, 'expiresBefore', 1)
    ])
      t.ok(isUnavailableError(await ask().catch(error => error)))
  })
})

function unavailable(error: unknown): false {
  if (!isUnavailableError(error)) throw error
  return false
}

await t.test('Redis Sentinel: after a failover the driver finds the new primary', async t => {
  const first = await startRedis(t)
  const second = await startRedis(t, ['--replicaof', '127.0.0.1', String(first.port)])
  while (!(await second.admin.info('replication')).includes('master_link_status:up'));
  const sentinel = await startSentinel(t, first.port)
  const client = new Redis({
    sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
    name: 'mymaster',
    lazyConnect: true
  })
  const storage = redisStorage({ client })
  t.teardown(() => {
    client.disconnect()
    return storage.close()
  })
  await storage.open([grants])
  await storage.insert(grants, 'a', grant)
  t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }), true)
  await first.admin.wait(1, 5000)
  await first.kill()
  t.ok(isUnavailableError(await storage.insert(grants, 'b', grant).catch(error => error)))
  for (;;) {
    const verdict = await storage.update(grants, 'a', { usedAt: null }, { usedAt: 2 }).catch(error => error)
    if (verdict === false) break
    if (!isUnavailableError(verdict)) return t.fail(String(verdict))
  }
  t.match(await second.admin.info('replication'), /role:master/)
  t.equal(await storage.insert(grants, 'c', grant), true)
})

async function startSentinel(t: Test, primary: number): Promise<RedisServer> {
  const sentinel = await startRedis(t, ['--sentinel'])
  await sentinel.admin.call('SENTINEL', 'MONITOR', 'mymaster', '127.0.0.1', String(primary), '1')
  for (const [name, value] of [
    ['down-after-milliseconds', '3000'],
    ['failover-timeout', '3000']
  ] as const)
    await sentinel.admin.call('SENTINEL', 'SET', 'mymaster', name, value)
  const known = async (): Promise<unknown[]> =>
    (await sentinel.admin.call('SENTINEL', 'REPLICAS', 'mymaster')) as unknown[]
  while ((await known()).length === 0) await new Promise(resolve => setTimeout(resolve, 50))
  return sentinel
}
