/** SQLite: no statement looks at every record, or sorts. Reading everything in the order of keys, which `scan` is for, follows an index too. */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t, { type Test } from 'tap'
import { collections } from '../src/index.ts'
import { distinct, fill, type SentStatement, useEverything } from './query-plans.ts'

await t.test('SQLite: every statement finds its rows by an index', async t => {
  const sent: SentStatement[] = []
  const database = new Database(':memory:')
  const kysely = new Kysely<unknown>({
    dialect: new SqliteDialect({ database }),
    log: ({ query }) => void sent.push(query)
  })
  t.teardown(() => kysely.destroy())
  const storage = sqlStorage({ kysely, dialect: 'sqlite' })
  await storage.open(collections)
  await fill(storage, collections)
  sent.length = 0
  await useEverything(storage, collections)
  const statements = distinct(sent)
  t.ok(statements.length > 80, `${statements.length} different statements`)
  database.exec('analyze')
  await t.test('issue 5: whose tables were counted when they were full', async t => holdPlans(t, database, statements))
  for (const { name } of collections) database.exec(`delete from mcp_auth_${name} where rowid > 1`)
  database.exec('analyze')
  await t.test('issue 5: whose tables were counted when they had one record', async t =>
    holdPlans(t, database, statements)
  )
})

function holdPlans(t: Test, database: InstanceType<typeof Database>, statements: readonly SentStatement[]): void {
  for (const { sql, parameters } of statements) {
    const plan = database
      .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
      .all(...parameters)
      .map(({ detail }) => detail)
      .join('; ')
    const isWalk = /^select .* from "\w+" +order by/.test(sql.replaceAll('\n', ' '))
    t.notMatch(plan, isWalk ? /TEMP B-TREE/ : /SCAN (?!some)|TEMP B-TREE/, `${sql}: ${plan}`)
    t.match(plan, /USING|CO-ROUTINE/)
    // Whatever has expired or belongs to one person, a removal goes through no more of it than its batch.
    if (/^delete/.test(sql))
      t.match(plan, /^SEARCH \S+ USING (COVERING )?INDEX \S+ \(.*record_key=\?\)/, `${sql}: ${plan}`)
  }
}
