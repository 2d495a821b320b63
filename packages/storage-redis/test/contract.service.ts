/** Needs Redis 7 or Valkey: `TEST_REDIS_URL`, or 127.0.0.1:6379. */
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import {
  storageSuite,
  storageSuiteAcrossProcesses,
  storageSuiteUnderFaults
} from '@fastify-mcp-auth/testing/storage-suite'
import t from 'tap'
import { driverModule } from './driver-module.ts'
import { onServer, url } from './server.ts'

await t.test('Redis', async t => {
  const { keyPrefix } = onServer(t)
  await storageSuite(t, () => redisStorage({ url, keyPrefix }))
})

await t.test('Redis, ten processes', async t => {
  const { keyPrefix } = onServer(t)
  const options = { url, keyPrefix }
  await storageSuiteAcrossProcesses(t, () => redisStorage(options), driverModule(options))
})

await t.test('Redis, a line that breaks', async t => {
  const { keyPrefix } = onServer(t)
  const { hostname, port } = new URL(url)
  await storageSuiteUnderFaults(
    t,
    line =>
      redisStorage({ url: Object.assign(new URL(url), { hostname: line.host, port: line.port }).href, keyPrefix }),
    { host: hostname, port: Number(port || 6379) }
  )
})
