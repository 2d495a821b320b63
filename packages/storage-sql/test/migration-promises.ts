/** What migrations have to keep on every engine. */
import { type CollectionDeclaration, defineCollection } from '@fastify-mcp-auth/core'
import {
  migrate,
  printMigration,
  type SqlStorage,
  type SqlStorageOptions,
  sqlStorage
} from '@fastify-mcp-auth/storage-sql'
import type { Test } from 'tap'
import { Type } from 'typebox'

const nullable = Type.Union([Type.Integer(), Type.Null()])

/** As an earlier version of an app declared it. */
export const before = defineCollection({ name: 'grants', record: Type.Object({ owner: Type.String() }) })

const fields = {
  owner: Type.String(),
  client: Type.String(),
  tags: Type.Array(Type.String()),
  endsAt: nullable
}
const later = { name: 'grants', record: Type.Object(fields), indexes: ['owner', 'client'], expiry: 'endsAt' } as const

/** With three more fields, two indexes and an expiry: older code may go on beside it. */
export const after = defineCollection(later)

/** The same, beside which it may not. */
export const incompatible = defineCollection({ ...later, version: 2 })

export const second = defineCollection({ name: 'keys', record: Type.Object({ alg: Type.String() }) })

interface Engine {
  dialect: 'sqlite' | 'postgres' | 'mysql'
  /** Options for a place that is empty, another one each time. */
  place: (t: Test) => SqlStorageOptions
  /** Runs a script with the engine's own client. */
  runScript: (options: SqlStorageOptions, script: string) => Promise<unknown>
}

export async function migrationPromises(t: Test, { dialect, place, runScript }: Engine): Promise<void> {
  const using = async <T>(options: SqlStorageOptions, run: (storage: SqlStorage) => Promise<T>): Promise<T> => {
    const storage = sqlStorage(options)
    try {
      return await run(storage)
    } finally {
      await storage.close()
    }
  }
  const open = (options: SqlStorageOptions, ...collections: CollectionDeclaration[]): Promise<void> =>
    using(options, storage => storage.open(collections))

  await t.test('a field, an index and a collection are added to a database that has records', async t => {
    const options = place(t)
    await using(options, async storage => {
      await storage.open([before])
      await storage.insert(before, 'old', { owner: 'alice' })
    })
    await using(options, async storage => {
      await storage.open([after, second])
      t.same(await storage.get(after, 'old'), { owner: 'alice', client: null, tags: null, endsAt: null })
      t.equal((await storage.list(after, 'owner', 'alice')).records.length, 1, 'found by the index that was added')
      t.equal(await storage.removeWhere(after, 'expiresBefore', 99), 0, 'null never expires')
      await storage.insert(after, 'new', { owner: 'bob', client: 'c', tags: ['x'], endsAt: 5 })
      t.equal(await storage.insert(second, 'k', { alg: 'ES256' }), true)
    })
    await using(options, async storage => {
      await storage.open([before])
      t.same(await storage.get(before, 'new'), { owner: 'bob' }, 'an older version keeps working beside it')
      t.equal(await storage.insert(before, 'older', { owner: 'eve' }), true)
    })
  })

  await t.test('code that is older than the records refuses to start, and changes nothing', async t => {
    const options = place(t)
    await open(options, after, second)
    await using(options, storage => storage.insert(after, 'old', { owner: 'alice' }))
    t.match(await migrate(options, [incompatible], { dryRun: true }), [/^update .*schema_versions.* = 2 where/])
    await open(options, after)
    await open(options, incompatible)
    const refusal = {
      code: 'FST_OAUTH_STORAGE',
      message: /"grants" have version 2 and this code knows 1: newer code has been at work/
    }
    for (const older of [before, after]) {
      await t.rejects(open(options, older), refusal)
      await t.rejects(open({ ...options, autoMigrate: false }, second, older), refusal)
      await t.rejects(migrate(options, [older]), refusal)
      await t.rejects(printMigration(options, [older]), refusal)
    }
    await t.resolves(open(options, second), 'what it keeps besides is of the same version')
    await t.resolves(open({ ...options, autoMigrate: false }, incompatible))
    t.match(await using(options, storage => storage.get(incompatible, 'old')), { owner: 'alice' })
  })

  await t.test('migrate says what it does, and a dry run does nothing', async t => {
    const options = place(t)
    const planned = await migrate(options, [after], { dryRun: true })
    t.match(planned.slice(options.schema ? 1 : 0), [
      /^create table .*schema_versions/,
      /^create table .*grants/,
      /owner_idx/,
      /client_idx/,
      /endsAt_idx/,
      /^insert into .*schema_versions/
    ])
    t.same(await migrate(options, [after], { dryRun: true }), planned)
    t.same(await migrate(options, [after]), planned)
    t.same(await migrate(options, [after]), [])
    t.same(await using(options, storage => storage.migrate([after, after, before])), [])
  })

  await t.test("a printed script, run by the engine's own client, leaves nothing to do", async t => {
    const options = place(t)
    const { tablePrefix, schema } = options
    const blind = await printMigration({ dialect, ...(tablePrefix && { tablePrefix }), ...(schema && { schema }) }, [
      before,
      second
    ])
    t.equal(await printMigration(options, [before, second]), blind, 'whether or not a database was asked')
    const closed = { ...options, autoMigrate: false }
    await t.rejects(open(closed, before), { code: 'FST_OAUTH_STORAGE', message: /lacks: create/ })
    await runScript(options, blind)
    await open(closed, before, second)
    t.equal(await printMigration(options, [before, second]), '')
    await using(closed, async storage => {
      t.equal(await storage.insert(before, 'ä ', { owner: 'alice' }), true)
      t.equal(await storage.get(before, 'Ä '), null, 'bytes are compared, as with tables of the driver')
      t.equal(await storage.get(before, 'ä'), null)
    })
    await runScript(options, await printMigration(options, [incompatible]))
    await open(closed, incompatible)
    t.same(await migrate(options, [incompatible, second]), [])
    t.match(await using(closed, storage => storage.get(incompatible, 'ä ')), { owner: 'alice', client: null })
  })
}
