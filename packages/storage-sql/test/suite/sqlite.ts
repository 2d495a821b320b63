/** The contract alone, for `.ci/storage-mutation.ts`. */
import { join } from 'node:path'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuite } from '@fastify-mcp-auth/testing/storage-suite'
import t from 'tap'

await t.test('the contract', t => {
  const url = join(t.testdir(), 'auth.db')
  return storageSuite(t, () => sqlStorage({ url }))
})
