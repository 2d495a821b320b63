/** On one SQLite file. */
import { join } from 'node:path'
import t from 'tap'
import { sharedDatabaseSuite } from './shared-database.ts'

await sharedDatabaseSuite(t, t => ({ url: join(t.testdir(), 'auth.db') }))
