/**
 * PostgreSQL and MariaDB: no statement looks at every record. `TEST_POSTGRES_URL` and `TEST_MYSQL_URL`, or postgres (trust) and root
 * without a password on 127.0.0.1, each with a database "test".
 */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import t, { type Test } from 'tap'
import { collections } from '../src/index.ts'
import { distinct, fill, type SentStatement, useEverything } from './query-plans.ts'

const schema = `t${process.pid}_plans`

async function statementsOf(t: Test, kysely: Kysely<unknown>, dialect: 'postgres' | 'mysql', sent: SentStatement[]) {
  const storage = sqlStorage({ kysely, dialect, schema })
  t.teardown(async () => {
    await sql.raw(dialect === 'mysql' ? `drop database ${schema}` : `drop schema ${schema} cascade`).execute(kysely)
    await kysely.destroy()
  })
  await storage.open(collections)
  await fill(storage, collections)
  const tables = collections.map(({ name }) => `${schema}.mcp_auth_${name}`).join(', ')
  await sql.raw(dialect === 'mysql' ? `analyze table ${tables}` : `analyze ${tables}`).execute(kysely)
  sent.length = 0
  await useEverything(storage, collections)
  const statements = distinct(sent)
  t.ok(statements.length > 80, `${statements.length} different statements`)
  return statements
}

interface PlanNode {
  'Node Type': string
  'Index Cond'?: string
  Plans?: PlanNode[]
}

await t.test('PostgreSQL: every statement finds its rows by an index', async t => {
  const sent: SentStatement[] = []
  const connectionString = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
  // 300 records fit into a few pages, and reading those is cheaper than any index: the question is whether there is one.
  const pool = new pg.Pool({ connectionString, options: '-c enable_seqscan=off -c enable_bitmapscan=off' })
  const kysely = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void sent.push(query)
  })
  for (const { sql: text, parameters } of await statementsOf(t, kysely, 'postgres', sent)) {
    const { rows } = await pool.query(`explain (format json) ${text}`, [...parameters])
    const nodes: PlanNode[] = []
    const walk = (node: PlanNode): void => {
      nodes.push(node)
      node.Plans?.forEach(walk)
    }
    walk(rows[0]['QUERY PLAN'][0].Plan)
    const isWalk = !/ where /.test(text)
    // Whatever has expired or belongs to one person, a removal goes through no more of it than its batch.
    const byExpiry = nodes.filter(({ 'Index Cond': condition }) => condition?.includes('<'))
    if (text.startsWith('delete')) t.ok(byExpiry.length <= (text.includes('for update') ? 1 : 0), `${text}: by the key`)
    const scans = nodes.filter(node => node['Node Type'].endsWith('Scan') && node['Node Type'] !== 'Subquery Scan')
    t.ok(scans.length > 0, text)
    for (const scan of scans) {
      t.match(scan['Node Type'], /^Index (Only )?Scan$/, `${text}: ${scan['Node Type']}`)
      if (!isWalk) t.ok(scan['Index Cond'], `${text}: searches`)
    }
    // A removal sorts the keys of its own batch.
    const sorts = nodes.some(node => node['Node Type'] === 'Sort')
    t.ok(!sorts || text.startsWith('delete'), `${text}: sorts nothing`)
  }
})

await t.test('MySQL and MariaDB: every statement finds its rows by an index', async t => {
  const sent: SentStatement[] = []
  const pool = createPool({ uri: process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test' })
  const kysely = new Kysely<unknown>({ dialect: new MysqlDialect({ pool }), log: ({ query }) => void sent.push(query) })
  for (const { sql: text, parameters } of await statementsOf(t, kysely, 'mysql', sent)) {
    const [rows] = await pool.promise().query(`explain format=traditional ${text}`, [...parameters])
    for (const row of rows as {
      type: string | null
      key: string | null
      Extra: string | null
      table: string | null
    }[]) {
      // What the statement itself made, or the engine found out while planning: there is no such record.
      if (row.table === null || row.table.startsWith('<derived')) continue
      t.match(row.type, /^(const|eq_ref|ref|range|index)$/, `${text}: ${row.type}`)
      t.ok(row.type !== 'index' || !/ where /.test(text), `${text}: searches`)
      t.ok(row.key, `${text}: ${row.key}`)
      t.notMatch(row.Extra ?? '', /filesort|temporary/, `${text}: ${row.Extra}`)
    }
  }
})
