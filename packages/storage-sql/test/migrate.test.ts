import { join } from 'node:path'
import { type CollectionDeclaration, defineCollection } from '@fastify-mcp-auth/core'
import { printMigration, type SqlStorageOptions, sqlStorage } from '@fastify-mcp-auth/storage-sql'
import Database from 'better-sqlite3'
import t from 'tap'
import { Type } from 'typebox'
import { before, migrationPromises } from './migration-promises.ts'

async function open(options: SqlStorageOptions, collections: CollectionDeclaration[]): Promise<void> {
  const storage = sqlStorage(options)
  try {
    await storage.open(collections)
  } finally {
    await storage.close()
  }
}

await t.test('SQLite', t =>
  migrationPromises(t, {
    dialect: 'sqlite',
    place: t => ({ url: join(t.testdir(), 'auth.db') }),
    runScript: async ({ url }, script) => {
      const database = new Database(url)
      database.exec(script)
      database.close()
    }
  })
)

await t.test('a column of another type stops the start instead of being changed', async t => {
  const url = join(t.testdir(), 'auth.db')
  const renamed = defineCollection({ name: 'grants', record: Type.Object({ owner: Type.Integer() }) })
  await open({ url }, [before])
  await t.rejects(open({ url }, [renamed]), {
    code: 'FST_OAUTH_STORAGE',
    message: /"owner".*is text and should be integer/
  })
})

await t.test('a database from before versions were kept gets them, and loses nothing', async t => {
  const url = join(t.testdir(), 'auth.db')
  await open({ url }, [before])
  const database = new Database(url)
  database.exec(`insert into mcp_auth_grants values ('old', 'alice'); drop table mcp_auth_schema_versions`)
  await open({ url }, [before])
  t.same(database.prepare('select * from mcp_auth_schema_versions').all(), [{ record_key: 'grants', version: 1 }])
  t.same(database.prepare('select * from mcp_auth_grants').all(), [{ record_key: 'old', owner: 'alice' }])
  database.close()
})

await t.test('names that the database could not tell apart are refused', async t => {
  const declare = (...fields: string[]): CollectionDeclaration =>
    defineCollection({ name: 'c', record: Type.Object(Object.fromEntries(fields.map(f => [f, Type.String()]))) })
  for (const collection of [declare('a', 'A'), declare('record_key'), declare('x'.repeat(64))])
    await t.rejects(open({ url: 'sqlite::memory:' }, [collection]), TypeError)
})

await t.test('a script says all of what it is for', async t => {
  t.equal(
    await printMigration({ dialect: 'postgres', schema: 'auth', tablePrefix: 'x_' }, [before]),
    `begin;
create schema "auth";
create table "auth"."x_schema_versions" ("record_key" text collate "C" not null primary key, "version" bigint);
create table "auth"."x_grants" ("record_key" text collate "C" not null primary key, "owner" text);
insert into "auth"."x_schema_versions" ("record_key", "version") values ('grants', 1);
commit;
`
  )
})
