/** One process of a pool: opens what the module of the test exports, and does the jobs that it is sent. See `pool.ts`. */
import { settableClock } from '../clock.ts'
import type { JobReport, Order, WorkerModule } from './messages.ts'

const [module = '', settings = 'null', now = '0', place = '0'] = process.argv.slice(2)
const clock = settableClock(Number(now))
// Whoever asked may be gone by now.
const report = (message: JobReport): void => {
  if (process.connected) process.send?.(message)
}

/** Errors do not travel whole: what a test asks them for does. */
function describe(error: unknown): Extract<JobReport, { kind: 'failed' }>['error'] {
  const { name, message, code, reason } = error as Error & { code?: unknown; reason?: unknown }
  return {
    name: String(name),
    message: String(message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof reason === 'string' ? { reason } : {})
  }
}

const { open } = (await import(module)) as WorkerModule
const opened = await open({ clock, settings: JSON.parse(settings) as unknown, place: Number(place) })

process.on('message', async (order: Order) => {
  if (order.kind === 'time') return clock.set(order.now)
  if (order.kind === 'close') {
    await opened.close()
    return process.exit(0)
  }
  const { id, job, input } = order
  try {
    const run = Object.hasOwn(opened.jobs, job) ? opened.jobs[job] : undefined
    if (!run) throw new Error(`no job is called ${job}`)
    report({ kind: 'done', id, result: (await run(input as never)) ?? null })
  } catch (error) {
    report({ kind: 'failed', id, error: describe(error) })
  }
})
process.on('disconnect', () => process.exit(1))
report({ kind: 'ready' })
