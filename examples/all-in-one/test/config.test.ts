import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../config.ts'
import { dataFolder } from './running-app.ts'

t.test('without settings: SQLite in the data folder, and a key that is made once and is only ours', async t => {
  const folder = join(dataFolder(t), 'data')
  const first = readConfig({}, folder)
  t.match(first, {
    host: '127.0.0.1',
    port: 3000,
    publicUrl: 'http://127.0.0.1:3000',
    behindProxy: false,
    databaseUrl: `sqlite:${join(folder, 'notes.sqlite')}`
  })
  t.equal(Buffer.from(first.encryptionKey, 'base64').length, 32)
  t.equal(readConfig({}, folder).encryptionKey, first.encryptionKey)
  t.equal(statSync(join(folder, 'encryption.key')).mode & 0o777, 0o600)
  t.equal(readFileSync(join(folder, 'encryption.key'), 'utf8'), first.encryptionKey)
})

t.test('in memory nothing is written', async t => {
  const folder = join(dataFolder(t), 'data')
  readConfig({ DATABASE_URL: 'memory:' }, folder)
  t.throws(() => statSync(folder), { code: 'ENOENT' })
})

t.test('another public URL means a proxy in front', async t => {
  const read = (environment: Record<string, string>) => readConfig({ DATABASE_URL: 'memory:', ...environment })
  t.match(read({ PUBLIC_URL: 'https://notes.example.com/' }), {
    publicUrl: 'https://notes.example.com',
    behindProxy: true
  })
  t.equal(read({ PORT: '4000', PUBLIC_URL: 'http://localhost:4000' }).behindProxy, false)
  t.equal(read({ PORT: '4000', PUBLIC_URL: 'http://localhost:3000' }).behindProxy, true)
})

t.test('what cannot work stops the start and is named', async t => {
  const wrong: [string, string][] = [
    ['REDIS_URL', 'http://127.0.0.1'],
    ['PORT', 'http'],
    ['PORT', '70000'],
    ['PUBLIC_URL', 'notes.example.com'],
    ['PUBLIC_URL', 'https://example.com/notes'],
    ['DATABASE_URL', 'mongodb://127.0.0.1']
  ]
  for (const [name, value] of wrong)
    t.throws(
      () => readConfig({ DATABASE_URL: 'memory:', [name]: value }),
      { message: new RegExp(name) },
      `${name}=${value}`
    )
})
