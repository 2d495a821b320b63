/** Needs Redis 7 or Valkey: `TEST_REDIS_URL`, or 127.0.0.1:6379. */
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { storageSuite, storageSuiteAcrossProcesses } from '@fastify-mcp-auth/testing/storage-suite'
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
