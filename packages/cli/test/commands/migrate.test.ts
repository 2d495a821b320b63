/** Tables: told, printed, made. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { createProject } from '../project.ts'

const tablesOf = (file: string): number => {
  const db = new Database(file)
  const { n } = db.prepare("select count(*) as n from sqlite_master where type = 'table'").get() as { n: number }
  db.close()
  return n
}

t.test('--dry-run and --print change nothing; without them it makes the tables; then nothing is missing', async t => {
  const project = createProject(t)
  const file = join(project.folder, 'auth.sqlite')
  const dry = await project.run('migrate', '--dry-run')
  t.match(dry.out, /create table "mcp_auth_grants"/)
  t.match(dry.err, /statements would be run/)
  t.equal(existsSync(file) ? tablesOf(file) : 0, 0)
  const printed = await project.run('migrate', '--print')
  t.equal(printed.err, '', 'nothing but statements')
  t.ok(printed.out.split('\n').every(line => line === '' || line.endsWith(';')))
  const ran = await project.run('migrate')
  t.match(ran.err, /statements were run/)
  const made = tablesOf(file)
  t.ok(made >= 9)
  t.match((await project.run('migrate')).err, 'Nothing is missing')
  // The printed statements make the same.
  const other = new Database(':memory:')
  other.exec(printed.out)
  const { n } = other.prepare("select count(*) as n from sqlite_master where type = 'table'").get() as { n: number }
  t.equal(n, made)
})

t.test('a storage without tables has nothing to do', async t => {
  const ran = await createProject(t, { more: 'storage: memoryStorage' }).run('migrate')
  t.equal(ran.code, 0)
  t.match(ran.err, 'nothing to do')
})
