/** Entry of a process that is asked what it costs to start and to stand still. Needs `--expose-gc`. Ends with the process that started it. */
import { registerHooks } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import type { Contender } from './contender.ts'

/** To such a process. */
export type FootprintOrder = { type: 'start'; settings: unknown } | { type: 'memory' }

/** Processor time in microseconds since the process began, memory in bytes when everything that can be collected is. */
export type FootprintReport = { port: number; cpu: number } | { resident: number; used: number }

const [file = ''] = process.argv.slice(2)

// It is here for the tests. Who has it has loaded it already, and who does not have it does not pay for it.
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier === '@opentelemetry/api') throw new Error('not installed')
    return nextResolve(specifier, context)
  }
})

process.on('disconnect', () => process.exit())
process.on('message', async (order: FootprintOrder) => {
  process.send?.(order.type === 'start' ? await start(order.settings) : await memory())
})

async function start(settings: unknown): Promise<FootprintReport> {
  const { contender }: { contender: Contender<unknown> } = await import(file)
  const server = await contender.start(settings)
  const { user, system } = process.cpuUsage()
  return { port: server?.port ?? 0, cpu: user + system }
}

async function memory(): Promise<FootprintReport> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.()
    await setTimeout(50)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { resident: rss, used: heapUsed + external }
}
