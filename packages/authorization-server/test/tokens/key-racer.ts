/** One of many processes on one database: loads the signing keys and rotates them when it is told to. */
import { createKeyRing } from '@fastify-mcp-auth/core'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { settableClock } from '@fastify-mcp-auth/testing'
import { COLLECTIONS, openRecords } from '../../src/records.ts'
import { loadSigningKeys } from '../../src/tokens/signing-keys.ts'

const [url = '', key = ''] = process.argv.slice(2)
const storage = sqlStorage({ url })
await storage.open?.([COLLECTIONS.signingKeys])
process.send?.('opened')
await new Promise(resolve => process.once('message', resolve))
const keys = await loadSigningKeys({
  records: openRecords(storage),
  keyRing: createKeyRing([key]),
  clock: settableClock(1_800_000_000),
  issuer: 'https://auth.example',
  algorithms: ['ES256', 'HS256'],
  external: [],
  rotateAfter: 0,
  emit: () => undefined
})
process.send?.(await keys.list())
await new Promise(resolve => process.once('message', resolve))
process.send?.(await keys.rotate())
await storage.close()
process.disconnect()
