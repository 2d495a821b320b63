/**
 * Needs PostgreSQL: `TEST_POSTGRES_URL`, or postgres (trust) on 127.0.0.1 with a database "test". Installs Prisma into a folder of its own,
 * from the registry: it is too large to be a dependency of the repository.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { printMigration } from '@fastify-mcp-auth/storage-sql'
import { storageSuite, suiteCollections } from '@fastify-mcp-auth/testing/storage-suite'
import pg from 'pg'
import t from 'tap'
import { prismaModels, prismaStorage } from '../prisma.ts'

const connectionString = process.env['TEST_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const schema = `t${process.pid}_prisma`

interface Client {
  $disconnect(): Promise<void>
}

/** The packages of `prisma/package-lock.json`, and a client of the models. */
async function install(folder: string): Promise<void> {
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(import.meta.dirname, '../prisma', file), join(folder, file))
  writeFileSync(
    join(folder, 'schema.prisma'),
    `generator client {\n  provider = "prisma-client-js"\n}\ndatasource db {\n  provider = "postgresql"\n}\n${prismaModels(suiteCollections)}`
  )
  const run = promisify(execFile)
  const options = {
    cwd: folder,
    // Generating needs no engine, but would fetch one.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' }
  }
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], options)
  await run(process.execPath, ['node_modules/prisma/build/index.js', 'generate', '--schema', 'schema.prisma'], options)
}

await t.test('Prisma keeps the contract', { timeout: 290_000 }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'prisma-'))
  const admin = new pg.Pool({ connectionString })
  t.teardown(async () => {
    await admin.query(`drop schema if exists ${schema} cascade`)
    await admin.end()
    rmSync(folder, { recursive: true, force: true })
  })
  await install(folder)
  // As a migration of the app would.
  await admin.query(await printMigration({ dialect: 'postgres', schema }, suiteCollections))

  const load = createRequire(join(folder, 'package.json'))
  const { PrismaClient } = load('@prisma/client') as { PrismaClient: new (options: object) => Client }
  const { PrismaPg } = load('@prisma/adapter-pg') as { PrismaPg: new (pool: object, options: object) => object }
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString }, { schema }) })
  t.teardown(() => client.$disconnect())
  await storageSuite(t, () => prismaStorage(client), { runs: 20 })
})
