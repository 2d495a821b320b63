import { join } from 'node:path'
import { type CollectionDeclaration, defineCollection } from '@fastify-mcp-auth/core'
import { type SqlStorage, sqlStorage } from '@fastify-mcp-auth/storage-sql'
import Database from 'better-sqlite3'
import t from 'tap'
import { Type } from 'typebox'

const nullableTime = Type.Union([Type.Integer(), Type.Null()])
const before = defineCollection({ name: 'grants', record: Type.Object({ owner: Type.String() }) })
const after = defineCollection({
  name: 'grants',
  record: Type.Object({
    owner: Type.String(),
    client: Type.String(),
    tags: Type.Array(Type.String()),
    endsAt: nullableTime
  }),
  indexes: ['owner', 'client'],
  expiry: 'endsAt'
})
const second = defineCollection({ name: 'keys', record: Type.Object({ alg: Type.String() }) })

async function using<T>(url: string, run: (storage: SqlStorage) => Promise<T>, autoMigrate = true): Promise<T> {
  const storage = sqlStorage({ url, autoMigrate })
  try {
    return await run(storage)
  } finally {
    await storage.close()
  }
}

await t.test('a field, an index and a collection are added to a database that has records', async t => {
  const url = join(t.testdir(), 'auth.db')
  await using(url, async storage => {
    await storage.open([before])
    await storage.insert(before, 'old', { owner: 'alice' })
  })
  await using(url, async storage => {
    await storage.open([after, second])
    t.same(await storage.get(after, 'old'), { owner: 'alice', client: null, tags: null, endsAt: null })
    t.equal((await storage.list(after, 'owner', 'alice')).records.length, 1, 'found by the index that was added')
    t.equal(await storage.removeWhere(after, 'expiresBefore', 99), 0, 'null never expires')
    await storage.insert(after, 'new', { owner: 'bob', client: 'c', tags: ['x'], endsAt: 5 })
    t.equal(await storage.insert(second, 'k', { alg: 'ES256' }), true)
  })
  await using(url, async storage => {
    await storage.open([before])
    t.same(await storage.get(before, 'new'), { owner: 'bob' }, 'an older version keeps working beside it')
    t.equal(await storage.insert(before, 'older', { owner: 'eve' }), true)
  })
})

await t.test('migrate says what it does, and a dry run does nothing', async t => {
  const url = join(t.testdir(), 'auth.db')
  await using(url, async storage => {
    const planned = await storage.migrate([after], { dryRun: true })
    t.match(planned, [/^create table "mcp_auth_grants"/, /owner_idx/, /client_idx/, /endsAt_idx/])
    t.same(await storage.migrate([after], { dryRun: true }), planned)
    t.same(await storage.migrate([after]), planned)
    t.same(await storage.migrate([after]), [])
  })
})

await t.test('autoMigrate off: open refuses an incomplete database and names what it lacks', async t => {
  const url = join(t.testdir(), 'auth.db')
  const open = (collections: CollectionDeclaration[]): Promise<void> => using(url, s => s.open(collections), false)
  await t.rejects(open([before]), { code: 'FST_OAUTH_STORAGE', message: /create table "mcp_auth_grants"/ })
  await using(url, storage => storage.migrate([before]), false)
  await t.resolves(open([before]))
  await t.rejects(open([after]), { code: 'FST_OAUTH_STORAGE', message: /add column "client"/ })
})

await t.test('a column of another type stops the start instead of being changed', async t => {
  const url = join(t.testdir(), 'auth.db')
  const renamed = defineCollection({ name: 'grants', record: Type.Object({ owner: Type.Integer() }) })
  await using(url, storage => storage.open([before]))
  await t.rejects(
    using(url, storage => storage.open([renamed])),
    { code: 'FST_OAUTH_STORAGE', message: /"owner".*is text and should be integer/ }
  )
})

await t.test('names that the database could not tell apart are refused', async t => {
  const declare = (...fields: string[]): CollectionDeclaration =>
    defineCollection({ name: 'c', record: Type.Object(Object.fromEntries(fields.map(f => [f, Type.String()]))) })
  for (const collection of [declare('a', 'A'), declare('record_key'), declare('x'.repeat(64))])
    await t.rejects(
      using('sqlite::memory:', storage => storage.open([collection])),
      TypeError
    )
})

await t.test('every verb that looks for something uses an index', async t => {
  const url = join(t.testdir(), 'auth.db')
  await using(url, storage => storage.open([after]))
  const database = new Database(url)
  t.teardown(() => database.close())
  const plan = (query: string): string =>
    database
      .prepare<[], { detail: string }>(`explain query plan ${query}`)
      .all()
      .map(step => step.detail)
      .join('; ')
  const page = `select * from mcp_auth_grants where owner = 'a' and record_key > 'b' order by record_key limit 9`
  t.match(plan(page), /SEARCH .*owner_idx \(owner=\? AND record_key>\?\)/)
  t.notMatch(plan(page), /TEMP B-TREE/, 'pages need no sorting')
  t.match(
    plan('select record_key from mcp_auth_grants where endsAt < 5 order by endsAt limit 9'),
    /SEARCH .*endsAt_idx/
  )
  t.match(plan(`select * from mcp_auth_grants where record_key = 'a'`), /SEARCH .*record_key=\?/)
})
