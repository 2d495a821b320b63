/** Keeps a server busy for a while and counts. */
import type { ServerProcess } from './server-process.ts'

/** One operation of one worker, which waits for its answer. @returns false when the worker has nothing left to do */
export type Operation = () => Promise<boolean>

export interface Sample {
  readonly operations: number
  /** Microseconds of the server process per operation. */
  readonly cpu: number
  readonly perSecond: number
  /** Processor cores that the server kept busy. Below one it was waiting: for the load, or for its turn on a busy machine. */
  readonly cores: number
  /** Milliseconds, as a client sees them. */
  readonly p50: number
  readonly p99: number
}

/**
 * Every worker repeats its operation, one after the other, until the time is over or nothing is left.
 *
 * @throws what an operation throws: a wrong answer makes a measurement worthless
 */
export async function measure(server: ServerProcess, workers: readonly Operation[], seconds: number): Promise<Sample> {
  const latencies: number[] = []
  const before = await server.cpu()
  const start = performance.now()
  const end = start + seconds * 1000
  await Promise.all(
    workers.map(async operation => {
      for (let now = performance.now(); now < end; ) {
        if (!(await operation())) return
        const done = performance.now()
        latencies.push(done - now)
        now = done
      }
    })
  )
  const elapsed = (performance.now() - start) / 1000
  const used = (await server.cpu()) - before
  latencies.sort((a, b) => a - b)
  const operations = latencies.length
  if (operations === 0) throw new Error(`${server.name} answered nothing`)
  return {
    operations,
    cpu: used / operations,
    perSecond: operations / elapsed,
    cores: used / elapsed / 1e6,
    p50: latencies[Math.floor(operations * 0.5)] ?? 0,
    p99: latencies[Math.floor(operations * 0.99)] ?? 0
  }
}
