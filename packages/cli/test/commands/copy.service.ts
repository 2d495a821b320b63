/**
 * A deployment that moves SQLite -> PostgreSQL -> MariaDB -> Redis, and back to SQLite, with people in it: whoever was connected stays
 * connected, what was revoked stays revoked, what was used stays used. A copy that is killed is continued.
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { collections } from '@fastify-mcp-auth/authorization-server'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { buildFixtureApp } from '../fixture-app.ts'
import { createProject, ISSUER, type Project } from '../project.ts'

const POSTGRES = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const MYSQL = process.env['TEST_MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test'
const REDIS = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379/0'

interface Places {
  readonly project: Project
  open(name: string): StorageDriver
}

/** Four databases, of which only tables and keys with a prefix of this test are used. */
function places(t: Test): Places {
  const prefix = `cli_${randomUUID().slice(0, 8)}_`
  t.teardown(() => dropAll(prefix))
  const sources: Record<string, string> = {
    postgres: `sqlStorage({ url: ${JSON.stringify(POSTGRES)}, tablePrefix: '${prefix}' })`,
    mariadb: `sqlStorage({ url: ${JSON.stringify(MYSQL)}, tablePrefix: '${prefix}' })`,
    redis: `redisStorage({ url: ${JSON.stringify(REDIS)}, keyPrefix: '${prefix}' })`,
    back: "sqlStorage({ url: 'sqlite:' + new URL('./back.sqlite', import.meta.url).pathname })"
  }
  const more = `storages: { ${Object.entries(sources)
    .map(([name, source]) => `${name}: () => ${source}`)
    .join(', ')} }`
  const project = createProject(t, { more })
  const open: Record<string, () => StorageDriver> = {
    storage: () => sqlStorage({ url: `sqlite:${join(project.folder, 'auth.sqlite')}` }),
    postgres: () => sqlStorage({ url: POSTGRES, tablePrefix: prefix }),
    mariadb: () => sqlStorage({ url: MYSQL, tablePrefix: prefix }),
    redis: () => redisStorage({ url: REDIS, keyPrefix: prefix }),
    back: () => sqlStorage({ url: `sqlite:${join(project.folder, 'back.sqlite')}` })
  }
  return {
    project,
    open: name => {
      const storage = open[name]?.()
      if (!storage) throw new Error(name)
      return storage
    }
  }
}

async function dropAll(prefix: string): Promise<void> {
  const names = [...collections.map(({ name }) => name), 'schema_versions'].map(name => `${prefix}${name}`)
  const postgres = new Client({ connectionString: POSTGRES })
  await postgres.connect()
  for (const name of names) await postgres.query(`drop table if exists ${name}`)
  await postgres.end()
  const mysql = await createConnection(MYSQL)
  for (const name of names) await mysql.query(`drop table if exists ${name}`)
  await mysql.end()
  const redis = new Redis(REDIS)
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
    if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]))
  }
  redis.disconnect()
}

t.test('sessions go on from SQLite to PostgreSQL to MariaDB to Redis and back', async t => {
  const { project, open } = places(t)
  const first = await buildFixtureApp({ issuer: ISSUER, storage: open('storage') })
  const client = createOAuthClient({ app: first, resource: `${ISSUER}/mcp` })
  const { clientId } = await client.credentials()
  const answer = await client.authorize()
  let tokens = (await client.redeem(answer)).json<{ access_token: string; refresh_token: string }>()
  const revoked = await client.connect()
  await client.revoke(revoked.refresh_token ?? '')
  await first.close()

  let place = 'storage'
  for (const next of ['postgres', 'mariadb', 'redis', 'back']) {
    const ran = await project.run('copy', '--from', place, '--to', next)
    t.equal(ran.code, 0, `${next}: ${ran.out}${ran.err}`)
    place = next
    const app = await buildFixtureApp({ issuer: ISSUER, storage: open(next) })
    const moved: OAuthClient = createOAuthClient({ app, resource: `${ISSUER}/mcp`, clientId })
    const claims = await app.authorizationServer.verifyAccessToken(tokens.access_token, `${ISSUER}/mcp`)
    t.equal(claims.subject, 'alice', `${next}: an access token of before is good`)
    const refreshed = await moved.refresh(tokens.refresh_token)
    t.equal(refreshed.statusCode, 200, `${next}: so is a refresh token`)
    tokens = refreshed.json()
    t.equal((await moved.refresh(revoked.refresh_token ?? '')).statusCode, 400, `${next}: what was revoked is revoked`)
    const remembered = await app.authorizationServer.keys.list()
    t.equal(remembered.length, 1, `${next}: the key moved along`)
    await app.close()
  }
  const last = await buildFixtureApp({ issuer: ISSUER, storage: open(place) })
  const replay = await createOAuthClient({ app: last, resource: `${ISSUER}/mcp`, clientId }).redeem(answer)
  t.equal(replay.statusCode, 400, 'a code that was used at the first place works at none')
  await last.close()
})

const BIN = resolve(import.meta.dirname, '../../src/bin.ts')
const RECORDS = 3000

t.test('killed in the middle, a copy is continued by the next one', async t => {
  const { project, open } = places(t)
  const [grants] = collections.filter(({ name }) => name === 'interactions')
  if (!grants) throw new Error('no such collection')
  const source = open('storage')
  await source.open?.(collections)
  const nothing = Object.fromEntries(
    grants.fields.map(({ name, kind, nullable }) => [
      name,
      nullable ? null : kind === 'integer' ? 1 : kind === 'text' ? 'x' : []
    ])
  )
  for (let i = 0; i < RECORDS; i++) await source.insert(grants, `key-${i}`, nothing)
  await source.close?.()

  const args = ['copy', '--from', 'storage', '--to', 'postgres', '--batch', '100', '--config', project.config]
  const child = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', BIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('interactions: 500 ')) child.kill('SIGKILL')
  })
  const [code, signal] = await once(child, 'exit')
  t.strictSame([code, signal], [null, 'SIGKILL'])
  const target = open('postgres')
  const copied = await target.count?.(grants, { prefix: '', limit: RECORDS })
  t.ok(copied !== undefined && copied > 0 && copied < RECORDS, `${copied} were there`)
  const ran = await project.run('copy', '--from', 'storage', '--to', 'postgres', '--json')
  t.equal(ran.code, 0)
  const row = JSON.parse(ran.out).find(({ collection }: { collection: string }) => collection === 'interactions')
  t.match(row, { records: RECORDS, added: RECORDS - (copied ?? 0), changed: 0, equal: true })
  t.equal(await target.count?.(grants, { prefix: '', limit: 2 * RECORDS }), RECORDS)
  await target.close?.()
})
