/**
 * Entry of a server process: starts the contender whose file is named and reports the processor time that it used. Ends with the
 * process that started it.
 */
import type { Contender, Order, Report } from './contender.ts'

const [file = ''] = process.argv.slice(2)

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  if (order.type === 'usage') report(usage())
  else
    start(order.settings).then(report, (error: unknown) =>
      report({ type: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    )
})

async function start(settings: unknown): Promise<Report> {
  const { contender }: { contender: Contender<unknown> } = await import(file)
  const server = await contender.start(settings)
  const { does, leavesOut } = contender
  return server ? { type: 'ready', port: server.port, does, leavesOut } : { type: 'unsupported' }
}

function usage(): Report {
  const { user, system } = process.cpuUsage()
  return { type: 'usage', cpu: user + system }
}

function report(message: Report): void {
  process.send?.(message)
}
