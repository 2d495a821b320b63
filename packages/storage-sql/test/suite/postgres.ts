/** The contract alone, for `.ci/storage-mutation.ts`. */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuite } from '@fastify-mcp-auth/testing/storage-suite'
import t from 'tap'
import { SERVERS } from '../servers.ts'

const server = SERVERS.find(({ dialect }) => dialect === 'postgres')
if (!server) throw new Error('no server')
const schema = server.newSchema(t)
await storageSuite(t, () => sqlStorage({ url: server.url, schema, timeout: 5 }))
