/**
 * Several processes that do jobs on one store, and can be killed in the middle of them: for tests of races that one process cannot have.
 *
 * ```ts
 * // worker.ts of the test
 * export const open: WorkerModule['open'] = async ({ clock, settings }) => { ...; return { jobs: { whoami }, close } }
 * // the test
 * const pool = await startWorkers({ url: new URL('./worker.ts', import.meta.url), processes: 4, settings, clock })
 * await Promise.all([pool.run('whoami', 'alice'), pool.run('whoami', 'alice')])
 * ```
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SettableClock } from '../clock.ts'
import type { JobReport, Order } from './messages.ts'

export type { WorkerJobs, WorkerModule } from './messages.ts'

/** What the processes are. */
export interface WorkerPoolOptions {
  /** A module that exports `open`: see {@link WorkerModule}. */
  readonly url: URL
  readonly processes: number
  /** JSON, handed to `open`. */
  readonly settings?: unknown
  /** The clock of the test: `setTime` takes every process along. */
  readonly clock: SettableClock
  /** Flags of Node.js for them; those of this process by default. */
  readonly execArgv?: string[]
}

/** An error of a job, as far as it travels. */
export class WorkerJobError extends Error {
  override readonly name = 'WorkerJobError'
  /** Of the error in the process; `WORKER_GONE` when the process ended in the middle. */
  readonly code: string
  readonly reason: string | undefined

  constructor(message: string, { code = 'UNKNOWN', reason }: { code?: string; reason?: string } = {}) {
    super(message)
    this.code = code
    this.reason = reason
  }
}

/** Running processes. */
export interface WorkerPool {
  readonly size: number
  /**
   * Gives one process a job.
   *
   * @param worker which one; they take turns when it is left out
   * @throws WorkerJobError with the `code` of the error, or `WORKER_GONE`
   */
  run<T>(job: string, input: unknown, worker?: number): Promise<T>
  /** Sets the clock here and in every process. Jobs that run see it at once. */
  setTime(epochSeconds: number): void
  /** SIGKILL, and another one in its place. Its jobs end with `WORKER_GONE`. */
  kill(worker: number): Promise<void>
  /** Lets it close, and starts another one in its place. */
  restart(worker: number): Promise<void>
  close(): Promise<void>
}

/** Starts the processes and waits until each has opened its module. */
export async function startWorkers(options: WorkerPoolOptions): Promise<WorkerPool> {
  const workers = await Promise.all(
    Array.from({ length: options.processes }, (_, place) => Worker.start(options, place))
  )
  let turn = 0
  let isClosed = false
  const at = (index: number): Worker => {
    const worker = workers[index % workers.length]
    if (!worker) throw new Error('the pool is empty')
    return worker
  }
  const replace = async (index: number, end: (worker: Worker) => Promise<void>): Promise<void> => {
    const place = index % workers.length
    await end(at(place))
    const next = await Worker.start(options, place)
    workers[place] = next
    if (isClosed) await next.end()
  }
  return {
    size: workers.length,
    run: <T>(job: string, input: unknown, worker = turn++) => at(worker).run(job, input) as Promise<T>,
    setTime(epochSeconds) {
      options.clock.set(epochSeconds)
      for (const worker of workers) worker.send({ kind: 'time', now: epochSeconds })
    },
    kill: index => replace(index, worker => worker.kill()),
    restart: index => replace(index, worker => worker.end()),
    async close() {
      isClosed = true
      await Promise.all(workers.map(worker => worker.end()))
    }
  }
}

function gone(): WorkerJobError {
  return new WorkerJobError('the process ended in the middle of the job', { code: 'WORKER_GONE' })
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

class Worker {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #next = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (report: JobReport) => this.#settle(report))
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(gone())
      this.#waiting.clear()
    })
  }

  static async start(
    { url, settings = null, clock, execArgv = process.execArgv }: WorkerPoolOptions,
    place: number
  ): Promise<Worker> {
    // The same folder holds .ts in the source and .js in the package.
    const program = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url))
    const child = fork(program, [url.href, JSON.stringify(settings), String(clock.now()), String(place)], {
      execArgv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    const worker = new Worker(child)
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      child.once('exit', code => reject(new Error(`a process ended with ${code} before it was ready`)))
    })
    // Time may have gone on while it started.
    worker.send({ kind: 'time', now: clock.now() })
    return worker
  }

  run(job: string, input: unknown): Promise<unknown> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      // One that has ended tells nobody any more that it did: another one is about to come in its place.
      if (this.#hasEnded || !this.#child.connected) return reject(gone())
      this.#waiting.set(id, { resolve, reject })
      this.send({ kind: 'job', id, job, input })
    })
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  send(order: Order): void {
    // A process that is just ending may not take it any more. That it ended is told by its exit; without a callback it would be an error.
    if (this.#child.connected) this.#child.send(order, () => {})
  }

  async kill(): Promise<void> {
    if (this.#hasEnded) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  async end(): Promise<void> {
    if (this.#hasEnded) return
    const exit = once(this.#child, 'exit')
    this.send({ kind: 'close' })
    await exit
  }

  #settle(report: JobReport): void {
    if (report.kind === 'ready') return
    const waiting = this.#waiting.get(report.id)
    this.#waiting.delete(report.id)
    if (report.kind === 'done') waiting?.resolve(report.result)
    else waiting?.reject(new WorkerJobError(report.error.message, report.error))
  }
}
