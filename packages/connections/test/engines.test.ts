/** SQLite; the databases that are servers are in `engines.service.ts`. */
import { join } from 'node:path'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import t from 'tap'
import { liveOn } from './engines.ts'

t.test('feature 21: a life of a connection on SQLite', async t => {
  const storage = sqlStorage({ url: join(t.testdir(), 'connections.db') })
  t.teardown(() => storage.close?.())
  await liveOn(t, storage)
})
