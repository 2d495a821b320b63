/** Needs PostgreSQL and MySQL or MariaDB: see `servers.ts`. What broken lines and silent servers make of a verb. */
import { type SqlStorageOptions, sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuiteUnderFaults } from '@fastify-mcp-auth/testing/storage-suite'
import { createPool } from 'mysql2'
import pg from 'pg'
import t, { type Test } from 'tap'
import { SERVERS, type TestServer } from './servers.ts'

/** A pool of the app, with the settings that it is made with when nobody thinks of them. */
function poolOf(t: Test, { dialect }: TestServer, url: string): SqlStorageOptions['pool'] {
  if (dialect === 'postgres') {
    const pool = new pg.Pool({ connectionString: url })
    t.teardown(() => void pool.end())
    return pool
  }
  const pool = createPool({ uri: url })
  t.teardown(() => pool.end())
  return pool
}

for (const server of SERVERS) {
  await t.test(`${server.name} by its URL`, t => {
    const schema = server.newSchema(t)
    return storageSuiteUnderFaults(t, line => sqlStorage({ url: server.at(line), schema, timeout: 2 }), server)
  })

  await t.test(`${server.name} by a pool of the app`, t => {
    const schema = server.newSchema(t)
    const create = (pool: SqlStorageOptions['pool']) => sqlStorage({ ...(pool && { pool }), schema, timeout: 2 })
    return storageSuiteUnderFaults(t, line => create(poolOf(t, server, server.at(line))), server)
  })
}
