/** Servers on a port that the system chose, or on the one that an issuer identifier names already. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { RunningServer } from './contender.ts'

export async function listen(app: FastifyInstance, port = 0): Promise<RunningServer> {
  await app.listen({ host: '127.0.0.1', port })
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
}

/** @param start what `app.listen(port, host)` of Express, Koa and the like returns */
export async function listening(start: Server): Promise<RunningServer> {
  await new Promise<void>((resolve, reject) => start.once('listening', resolve).once('error', reject))
  const close = (): Promise<void> => {
    start.closeAllConnections()
    return new Promise(resolve => start.close(() => resolve()))
  }
  return { port: (start.address() as AddressInfo).port, close }
}
