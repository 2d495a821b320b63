/** The contract alone and on a line that breaks, for `.ci/storage-mutation.ts`. */
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { storageSuite, storageSuiteUnderFaults } from '@fastify-mcp-auth/testing/storage-suite'
import t from 'tap'
import { onServer, url } from '../server.ts'

await t.test('the contract', async t => {
  const { keyPrefix } = onServer(t)
  const { hostname, port } = new URL(url)
  const at = (line: { host: string; port: number }): string =>
    Object.assign(new URL(url), { hostname: line.host, port: line.port }).href
  await storageSuite(t, () => redisStorage({ url, keyPrefix }))
  await storageSuiteUnderFaults(t, line => redisStorage({ url: at(line), keyPrefix }), {
    host: hostname,
    port: Number(port || 6379)
  })
})
