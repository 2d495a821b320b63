/**
 * Ports for servers of the tests that have to know theirs before they listen, because it is part of an issuer or of a redirect URI.
 *
 * Asking the system for any port and closing it again gives the same one to somebody else now and then, when many tests run at a time. So
 * each process counts through a few of its own, below those that the system gives away.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Linux gives away those from 32768. */
const FIRST = 20_000
const PER_PROCESS = 32
const PROCESSES = 399

const own = FIRST + (process.pid % PROCESSES) * PER_PROCESS
let asked = 0

/** @throws Error when all of this process are taken */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PER_PROCESS; tries++) {
    const port = own + (asked++ % PER_PROCESS)
    if (await isFree(port)) return port
  }
  throw new Error(`no port is free from ${own} to ${own + PER_PROCESS - 1}`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false
  )
  if (isListening) await new Promise(resolve => server.close(resolve))
  return isListening
}
