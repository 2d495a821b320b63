import { join } from 'node:path'
import { storageSuite, suiteCollections } from '@fastify-mcp-auth/testing/storage-suite'
import { getTableConfig } from 'drizzle-orm/sqlite-core'
import t from 'tap'
import { tableOf } from '../drizzle.ts'
import { createDriver, prepare } from './drizzle-driver.ts'

await t.test('Drizzle keeps the contract', async t => {
  const file = join(t.testdir(), 'app.db')
  await prepare(file)
  await storageSuite(t, () => createDriver(file), { runs: 20 })
})

await t.test('its tables are those that a migration of storage-sql makes, for drizzle-kit to find', async t => {
  for (const collection of suiteCollections) {
    const { name, columns, indexes } = getTableConfig(tableOf(collection))
    t.equal(name, `mcp_auth_${collection.name}`)
    t.strictSame(
      columns.map(column => column.name),
      ['record_key', ...collection.fields.map(field => field.name)]
    )
    t.equal(indexes.length, collection.indexes.length + (collection.expiry === null ? 0 : 1))
  }
})
