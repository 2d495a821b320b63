/** The example, running: in this process for most tests, as processes of their own where that is the point. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { type AppOverrides, buildApp } from '../app.ts'
import { type Config, readConfig } from '../config.ts'

export const ALICE = { username: 'alice', password: 'wonderland' }
export const BOB = { username: 'bob', password: 'builder' }

/** For tests that start the app again, or twice: 32 bytes in base64. */
export const TEST_KEY = createHash('sha256').update('key of the tests').digest('base64')

export interface RunningApp {
  readonly app: FastifyInstance
  readonly origin: string
  readonly resource: string
}

/** A folder that goes away with the test. */
export function dataFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'acme-notes-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Not listening: for `inject`. */
export async function createApp(
  t: Test,
  environment: Record<string, string> = {},
  overrides: AppOverrides = {}
): Promise<RunningApp & { config: Config }> {
  const config = readConfig({ DATABASE_URL: 'memory:', ...environment })
  const app = await buildApp(config, overrides)
  t.teardown(() => app.close())
  return { app, config, origin: config.publicUrl, resource: `${config.publicUrl}/mcp` }
}

export async function listen(t: Test, overrides: AppOverrides = {}): Promise<RunningApp> {
  const port = await freePort()
  const running = await createApp(t, { PORT: String(port) }, overrides)
  await running.app.listen({ host: '127.0.0.1', port })
  return running
}

export interface ServerProcess {
  readonly origin: string
  readonly process: ChildProcess
  /** Everything that it wrote so far. */
  output(): string
  /** Ends it and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const { PATH, NODE_COMPILE_CACHE } = process.env

/** No settings of whoever runs the tests; what Node made of the source before is not made again by each process. */
export const BARE_ENVIRONMENT = { PATH, NODE_COMPILE_CACHE }

/** Runs `server.ts` as `pnpm start` does, and waits until it says how to connect. */
export async function startProcess(t: Test, environment: Record<string, string>): Promise<ServerProcess> {
  const entry = fileURLToPath(new URL('../server.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', entry], {
    env: { ...BARE_ENVIRONMENT, HOST: '127.0.0.1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => (output += chunk))
  const exited = once(child, 'exit')
  const running: ServerProcess = {
    origin: `http://127.0.0.1:${environment['PORT']}`,
    process: child,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
    }
  }
  t.teardown(() => running.stop('SIGKILL'))
  while (!output.includes('Stop with Ctrl+C')) {
    if (child.exitCode !== null) throw new Error(`the server did not start: ${output}`)
    await sleep(20)
  }
  return running
}
