/** The contract alone, for `.ci/storage-mutation.ts`. */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuite } from '@fastify-mcp-auth/testing/storage-suite'
import t from 'tap'
import { SERVERS } from '../servers.ts'

const server = SERVERS.find(({ dialect }) => dialect === 'mysql')
if (!server) throw new Error('no server')
await t.test('the contract', t => {
  const schema = server.newSchema(t)
  return storageSuite(t, () => sqlStorage({ url: server.url, schema }))
})
