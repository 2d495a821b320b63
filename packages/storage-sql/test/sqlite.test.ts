import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defineCollection, isUnavailableError } from '@fastify-mcp-auth/core'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuite, storageSuiteAcrossProcesses } from '@fastify-mcp-auth/testing/storage-suite'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t from 'tap'
import { Type } from 'typebox'
import { driverModule } from './driver-module.ts'

const notes = defineCollection({ name: 'notes', record: Type.Object({ text: Type.String() }) })

await t.test('SQLite in memory', t => storageSuite(t, () => sqlStorage({ url: 'sqlite::memory:' })))

await t.test('SQLite in a file', async t => {
  const url = `sqlite:${join(t.testdir(), 'auth.db')}`
  await storageSuite(t, () => sqlStorage({ url }))
})

await t.test('SQLite in a file, ten processes', async t => {
  const url = join(t.testdir(), 'auth.db')
  await storageSuiteAcrossProcesses(t, () => sqlStorage({ url }), driverModule({ url }))
})

await t.test('SQLite through the Kysely instance of the app', async t => {
  const file = join(t.testdir(), 'app.db')
  const kysely = new Kysely<{ users: { id: string } }>({ dialect: new SqliteDialect({ database: new Database(file) }) })
  t.teardown(() => kysely.destroy())
  const storage = sqlStorage({ kysely, dialect: 'sqlite' })
  await storage.open([notes])
  t.equal(await storage.insert(notes, 'a', { text: 'kept' }), true)
  await storage.close()
  t.same(await storage.get(notes, 'a'), { text: 'kept' }, 'closing the driver leaves the instance of the app open')
})

await t.test('SQLite by a database of the app', async t => {
  const database = new Database(join(t.testdir(), 'app.db'))
  t.teardown(() => database.close())
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = OFF')
  database.defaultSafeIntegers(true)
  await storageSuite(t, () => sqlStorage({ pool: database }), { runs: 20 })
  t.same(
    database.pragma('user_version', { simple: true }),
    0n,
    'closing the driver leaves the database of the app open'
  )
  t.same(sqlStorage({ pool: database }).capabilities, { durable: true, atomic: true, shared: true })
  const inMemory = new Database(':memory:')
  t.teardown(() => inMemory.close())
  t.same(sqlStorage({ pool: inMemory }).capabilities, { durable: false, atomic: true, shared: false })
})

await t.test('a database file is made with its folder, in WAL mode', async t => {
  const file = join(t.testdir(), 'new', 'folder', 'auth.db')
  const storage = sqlStorage({ url: file })
  t.notOk(existsSync(file), 'nothing is opened before it is needed')
  await storage.open([notes])
  t.teardown(() => storage.close())
  const reader = new Database(file, { readonly: true })
  t.teardown(() => reader.close())
  t.equal(reader.pragma('journal_mode', { simple: true }), 'wal')
})

await t.test('a locked database is unavailable, and the write did not happen', async t => {
  const file = join(t.testdir(), 'auth.db')
  const database = new Database(file, { timeout: 0 })
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) })
  t.teardown(() => kysely.destroy())
  const storage = sqlStorage({ kysely, dialect: 'sqlite' })
  await storage.open([notes])
  const other = new Database(file)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  const error = await storage.insert(notes, 'a', { text: 'x' }).catch(error => error)
  t.ok(isUnavailableError(error), 'neither true nor false')
  t.match(error.cause, { code: 'SQLITE_BUSY' })
  other.exec('rollback')
  t.equal(await storage.get(notes, 'a'), null)
  t.equal(await storage.insert(notes, 'a', { text: 'x' }), true)
})

await t.test('a driver that is closed before it was used opens nothing any more', async t => {
  const file = join(t.testdir(), 'auth.db')
  const storage = sqlStorage({ url: file })
  await storage.close()
  await t.rejects(storage.get(notes, 'a'), { code: 'FST_OAUTH_UNAVAILABLE' })
  t.notOk(existsSync(file))
})

await t.test('a file that cannot be opened is unavailable', async t => {
  const folder = t.testdir({ 'auth.db': {} })
  const storage = sqlStorage({ url: join(folder, 'auth.db') })
  await t.rejects(storage.open([notes]), { code: 'FST_OAUTH_UNAVAILABLE' })
})

await t.test('a mistake of the caller is not called an outage', async t => {
  const storage = sqlStorage({ url: 'sqlite::memory:' })
  t.teardown(() => storage.close())
  await t.rejects(storage.get(notes, 'a'), { code: 'SQLITE_ERROR' }, 'open was not called')
  await storage.open([notes])
  await t.rejects(storage.insert(notes, 'a', { text: 'x', extra: 1 }), TypeError)
  await t.rejects(storage.insert(notes, 'a', { text: 1 }), TypeError)
  await t.rejects(storage.insert(notes, 'a', { text: 'nul \0' }), RangeError)
  await t.rejects(storage.insert(notes, 'k'.repeat(769), { text: 'x' }), RangeError)
  t.equal(await storage.get(notes, 'a'), null)
  t.equal(await storage.insert(notes, 'k'.repeat(768), { text: 'x' }), true)
})
