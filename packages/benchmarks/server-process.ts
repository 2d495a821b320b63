/** A contender in a process of its own, so that its processor time is its own, too. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import type { Order, Report } from './contender.ts'

export interface ServerProcess {
  readonly name: string
  readonly port: number
  /** As the contender says it. */
  readonly does: string
  readonly leavesOut: string
  /** Microseconds of user and system time since the process began, all of its threads together. */
  cpu(): Promise<number>
  stop(): Promise<void>
}

const ENTRY = new URL('serve.ts', import.meta.url)
/** Characters of what a server wrote to stderr; shown when it fails. */
const KEPT_OUTPUT = 4000

/** Milliseconds for a report; a busy machine starts slowly. */
const PATIENCE = 60_000

const running = new Set<ChildProcess>()
// Also after an error and after Ctrl+C. A measuring process that is killed cannot run this; its servers see the channel close.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * @param file of the contender
 * @returns null when the contender does not do what the settings ask for
 * @throws Error with what the server said when it does not start
 */
export async function startServer(name: string, file: URL, settings: unknown): Promise<ServerProcess | null> {
  const child = fork(ENTRY, [file.href], {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  running.add(child)
  pin(child.pid, '0')
  pin(process.pid, `1-${CORES - 1}`)
  child.once('exit', () => running.delete(child))
  let output = ''
  child.stderr?.on('data', chunk => {
    output = (output + String(chunk)).slice(-KEPT_OUTPUT)
  })

  const report = await ask(child, { type: 'start', settings }).catch((error: unknown) => {
    throw new Error(`${name} did not start: ${output}`, { cause: error })
  })
  if (report.type === 'ready') {
    const { port, does, leavesOut } = report
    return { name, port, does, leavesOut, cpu: () => cpuOf(name, child), stop: () => stop(child) }
  }
  await stop(child)
  if (report.type === 'unsupported') return null
  throw new Error(`${name} did not start: ${report.type === 'failed' ? report.message : output}`)
}

const CORES = availableParallelism()

// Servers on one core and the load on the others, where the system can do that: neither takes from the other what is measured.
function pin(pid: number | undefined, cores: string): void {
  if (CORES < 2) return
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' })
  } catch {
    // Not Linux: the ratios are still of one run.
  }
}

/** One order, one report: nobody asks twice at a time. */
async function ask(child: ChildProcess, order: Order): Promise<Report> {
  const gone = new AbortController()
  const answer = once(child, 'message', { signal: AbortSignal.any([gone.signal, AbortSignal.timeout(PATIENCE)]) })
  const exit = (): void => gone.abort(new Error('the server process ended'))
  child.once('exit', exit)
  child.send(order)
  try {
    const [report] = await answer
    return report as Report
  } finally {
    child.off('exit', exit)
  }
}

async function cpuOf(name: string, child: ChildProcess): Promise<number> {
  const report = await ask(child, { type: 'usage' })
  if (report.type !== 'usage') throw new Error(`${name} did not say how much processor time it used`)
  return report.cpu
}

async function stop(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
