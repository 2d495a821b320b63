/** A project of somebody who uses the commands: a folder with a configuration, and a database beside it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { main } from '../src/main.ts'
import { buildFixtureApp } from './fixture-app.ts'

export const ISSUER = 'http://127.0.0.1:3999'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command in this process. */
export async function run(...args: string[]): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await main(args, { out: text => void out.push(text), err: text => void err.push(text) })
  return { code, out: out.join(''), err: err.join('') }
}

export interface Project {
  readonly folder: string
  readonly config: string
  /** A command with the configuration of the project. */
  run(...args: string[]): Promise<Ran>
  /** The app as it serves, on the database of the project; closed with the test. */
  app(): Promise<FastifyInstance>
}

export function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** @param more members of the configuration, as source */
export function createProject(t: Test, { issuer = ISSUER, more = '' } = {}): Project {
  const folder = folderOf(t)
  const url = `sqlite:${join(folder, 'auth.sqlite')}`
  const config = join(folder, 'mcp-auth.config.mjs')
  const modules = (name: string): string => JSON.stringify(import.meta.resolve(name))
  writeFileSync(
    config,
    `import { buildFixtureApp } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'fixture-app.ts')).href)}
import { collections } from ${modules('@fastify-mcp-auth/authorization-server')}
import { memoryStorage } from ${modules('@fastify-mcp-auth/core/memory')}
import { redisStorage } from ${modules('@fastify-mcp-auth/storage-redis')}
import { sqlStorage } from ${modules('@fastify-mcp-auth/storage-sql')}
const storage = () => sqlStorage({ url: ${JSON.stringify(url)} })
export default { storage, collections, app: () => buildFixtureApp({ issuer: ${JSON.stringify(issuer)}, storage: storage() }), ${more} }
`
  )
  return {
    folder,
    config,
    run: (...args) => run(...args, '--config', config),
    async app() {
      const app = await buildFixtureApp({ issuer, storage: sqlStorage({ url }) })
      t.teardown(() => app.close())
      await app.ready()
      return app
    }
  }
}
