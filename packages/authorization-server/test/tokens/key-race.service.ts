import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { SigningKeySummary } from '@fastify-mcp-auth/core'
import t from 'tap'

const PROCESSES = 10

t.test(
  'openauth 323: ten processes that start on an empty database make one key, and rotate to one successor',
  async t => {
    const url = join(t.testdir(), 'auth.db')
    const key = randomBytes(32).toString('base64')
    const racers = Array.from({ length: PROCESSES }, () =>
      fork(new URL('./key-racer.ts', import.meta.url), [url, key], { execArgv: process.execArgv })
    )
    t.teardown(() => {
      for (const racer of racers) racer.kill()
    })
    const next = (): Promise<SigningKeySummary[][]> => Promise.all(racers.map(report))
    const opened = next()
    await opened
    for (const states of [['current'], ['current', 'next']]) {
      const reports = next()
      for (const racer of racers) racer.send('go')
      const [first, ...others] = (await reports).map(byKid)
      t.strictSame(
        first?.map(({ alg, state }) => `${alg} ${state}`).toSorted(),
        states.flatMap(state => [`ES256 ${state}`, `HS256 ${state}`]).toSorted()
      )
      for (const other of others) t.strictSame(other, first)
    }
  }
)

async function report(racer: ChildProcess): Promise<SigningKeySummary[]> {
  const [message] = await Promise.race([
    once(racer, 'message'),
    once(racer, 'exit').then(([code]) => Promise.reject(new Error(`exit ${code}`)))
  ])
  return message
}

const byKid = (keys: SigningKeySummary[]): SigningKeySummary[] => keys.toSorted((a, b) => a.kid.localeCompare(b.kid))
