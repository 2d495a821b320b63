/** Redis servers of a test's own, as processes that end with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Asks the server itself; connects again after a restart. */
  readonly admin: Redis
  readonly process: ChildProcess
  /** kill -9, and waits for the end. */
  kill(): Promise<void>
  /** Starts it again on its port and its files. */
  restart(): Promise<void>
}

/** @param settings arguments of redis-server, or of Sentinel with `--sentinel` */
export async function startRedis(t: Test, settings: readonly string[] = []): Promise<RedisServer> {
  const own = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'redis-'))
  // Sentinel keeps what it learns in its settings, so it needs a file of them, and it has no data.
  const file = join(dir, 'sentinel.conf')
  const isSentinel = settings.includes('--sentinel')
  if (isSentinel) writeFileSync(file, '')
  const place = ['--port', String(own), '--bind', '127.0.0.1', '--dir', dir]
  const args = isSentinel ? [file, ...place, ...settings] : [...place, '--save', '', ...settings]
  let child = spawn('redis-server', args, { stdio: 'ignore' })
  const admin = new Redis(own, '127.0.0.1', { retryStrategy: () => 20, maxRetriesPerRequest: 500 })
  admin.on('error', () => {})
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.teardown(async () => {
    admin.disconnect()
    await kill()
    rmSync(dir, { recursive: true, force: true })
  })
  await admin.ping()
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    admin,
    get process() {
      return child
    },
    kill,
    async restart() {
      child = spawn('redis-server', args, { stdio: 'ignore' })
      await admin.ping()
    }
  }
}
