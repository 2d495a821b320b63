/** A worker as a process of its own, heard by what it writes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** A line of `people.ts`. */
export interface Line {
  readonly tell?: string
  readonly links?: readonly string[]
  readonly deliver?: string
  readonly lines?: readonly string[]
}

export interface RunningWorker {
  /** Everything that it wrote so far. */
  readonly heard: readonly Line[]
  /** The next line that was not asked for yet. */
  next(): Promise<Line>
  /** @returns the exit code; null for one that was killed */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

export function startWorker(t: Test, file: string, environment: Record<string, string>): RunningWorker {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const child: ChildProcess = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', path], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const heard: Line[] = []
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  lines.on('line', line => heard.push(JSON.parse(line) as Line))
  let asked = 0
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    const isRunning = child.exitCode === null && child.signalCode === null
    const exit = isRunning ? once(child, 'exit') : null
    child.kill(signal)
    await exit
    return child.exitCode
  }
  t.teardown(() => end('SIGKILL'))
  return {
    heard,
    async next() {
      while (heard.length <= asked) await once(lines, 'line')
      return heard[asked++] as Line
    },
    end
  }
}
