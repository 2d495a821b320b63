import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { defineCollection } from '@fastify-mcp-auth/core'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import Database from 'better-sqlite3'
import t from 'tap'
import { Type } from 'typebox'

const notes = defineCollection({ name: 'notes', record: Type.Object({ text: Type.String() }) })

await t.test('wrong options stop the boot and are named', async t => {
  const kysely = { withoutPlugins: () => ({}), destroy: async () => {} }
  const wrong: [unknown, RegExp][] = [
    [{}, /"url" is missing/],
    [{ url: '' }, /"url"/],
    [{ url: 'x.db', kysely, dialect: 'sqlite' }, /"url" and "kysely"/],
    [{ url: 'x.db', pool: new Database(':memory:') }, /"url" and "pool"/],
    [{ url: 'x.db', pool: new Database(':memory:'), kysely }, /"url" and "pool" and "kysely"/],
    [{ pool: {} }, /"pool"/],
    [{ pool: { connect() {}, on() {} } }, /"pool"/],
    [{ pool: new Database(':memory:'), dialect: 'sqlite' }, /"dialect"/],
    [{ url: 'x.db', dialect: 'sqlite' }, /"dialect"/],
    [{ dialect: 'postgres' }, /"dialect"/],
    [{ url: 'x.db', schema: 'auth' }, /"schema"/],
    [{ url: 'postgres://127.0.0.1/x', schema: 'a.b' }, /"schema"/],
    [{ url: 'postgres://127.0.0.1/x', timeout: 0 }, /"timeout"/],
    [{ kysely }, /"dialect"/],
    [{ kysely, dialect: 'oracle' }, /"dialect"/],
    [{ kysely: {}, dialect: 'sqlite' }, /"kysely/],
    [{ url: 'x.db', tablePrefix: 'drop table' }, /"tablePrefix"/],
    [{ url: 'x.db', tablePrefix: '' }, /"tablePrefix"/],
    [{ url: 'x.db', poolSize: 0 }, /"poolSize"/],
    [{ url: 'x.db', path: 'y.db' }, /no option "path"/]
  ]
  for (const [options, message] of wrong)
    t.throws(() => sqlStorage(options as object), { code: 'FST_OAUTH_OPTION', message })
})

await t.test('a URL of another kind is named by its scheme only: the rest may be a password', async t => {
  try {
    sqlStorage({ url: 'mongodb://root:hunter2@db/test' })
    t.fail('accepted')
  } catch (error) {
    t.match(error, { code: 'FST_OAUTH_OPTION', message: /mongodb:/ })
    t.notMatch(String(error), /hunter2/)
  }
})

await t.test('capabilities follow from the URL, before anything is connected', async t => {
  const of = (url: string): object => sqlStorage({ url }).capabilities
  const outside = { durable: true, atomic: true, shared: true }
  t.same(of('sqlite::memory:'), { durable: false, atomic: true, shared: false })
  for (const url of [
    './auth.db',
    'sqlite:auth.db',
    'postgres://127.0.0.1/x',
    'postgresql://127.0.0.1/x',
    'mysql://127.0.0.1/x'
  ])
    t.same(of(url), outside, url)
  t.same(of('mariadb://127.0.0.1/x'), outside)
})

await t.test('every spelling of a file is that file', async t => {
  const folder = t.testdir()
  const spellings = (file: string): string[] => [
    file,
    `sqlite:${file}`,
    `sqlite://${file}`,
    relative(process.cwd(), file),
    `sqlite:./${relative(process.cwd(), file)}`
  ]
  for (const [number] of spellings('').entries()) {
    const file = join(folder, `${number}.db`)
    const storage = sqlStorage({ url: spellings(file)[number] ?? '' })
    await storage.open([notes])
    await storage.close()
    t.ok(existsSync(file), spellings(file)[number] ?? '')
  }
})

await t.test('two prefixes in one database do not meet', async t => {
  const url = join(t.testdir(), 'auth.db')
  const [one, two] = [sqlStorage({ url, tablePrefix: 'one_' }), sqlStorage({ url, tablePrefix: 'two_' })]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  await Promise.all([one.open([notes]), two.open([notes])])
  await one.insert(notes, 'a', { text: 'one' })
  t.equal(await two.get(notes, 'a'), null)
})
