import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { storageSuite } from '@fastify-mcp-auth/testing/storage-suite'
import t from 'tap'

await t.test('memory', t => storageSuite(t, memoryStorage, { runs: 200 }))
