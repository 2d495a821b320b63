/**
 * A balancer in a few lines: every request goes to any of the processes, whoever had the one before. Yours is nginx, HAProxy or the
 * one of your cloud; what matters is that nothing here remembers who was where.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'

/** How long a process may take to accept a connection before it counts as gone, in milliseconds. */
const CONNECT_TIMEOUT = 2000

/** How long a client may keep a connection without using it, in milliseconds: longer than most do, since a request that goes out just as it ends is lost. */
const KEEP_ALIVE_TIMEOUT = 72_000

/**
 * A request that reached nobody is tried at another process; one that may have reached somebody is answered with 502, and whether to
 * ask again is the client's decision: retries of token requests are made to be safe.
 *
 * @param targets origins of the processes that are there now
 */
export function createBalancer(targets: () => readonly string[]): Server {
  const settings = { keepAliveTimeout: KEEP_ALIVE_TIMEOUT }
  return createServer(settings, (incoming, response) => forward(incoming, response, shuffled(targets())))
}

function forward(incoming: IncomingMessage, response: ServerResponse, targets: readonly string[]): void {
  const [target, ...others] = targets
  if (target === undefined) {
    response.writeHead(503, { 'retry-after': '1' }).end()
    return
  }
  const outgoing = request(new URL(incoming.url ?? '/', target), {
    method: incoming.method,
    headers: { ...incoming.headers, 'x-forwarded-for': addressesOf(incoming), connection: 'keep-alive' },
    timeout: CONNECT_TIMEOUT
  })
  let reached = false
  outgoing.on('socket', socket => {
    const connected = (): void => {
      reached = true
      outgoing.setTimeout(0)
      incoming.pipe(outgoing)
    }
    if (socket.connecting) socket.once('connect', connected)
    else connected()
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error('it does not accept the connection')))
  outgoing.on('response', answer => {
    // These two are about the connection between us and the process; the client has one of its own (RFC 9110 section 7.6.1).
    const { connection, 'keep-alive': keepAlive, ...headers } = answer.headers
    response.writeHead(answer.statusCode ?? 502, headers)
    answer.pipe(response)
    // Cut in the middle of an answer: the client must not take what it has for all.
    answer.on('error', () => response.destroy())
  })
  outgoing.on('error', () => {
    if (!reached) forward(incoming, response, others)
    else if (response.headersSent) response.destroy()
    else response.writeHead(502).end()
  })
  response.on('close', () => outgoing.destroy())
}

/** Nobody may say for a client where it comes from: what it sends itself goes in front of what we saw, and the app reads from the end. */
function addressesOf({ headers, socket }: IncomingMessage): string {
  return [headers['x-forwarded-for'], socket.remoteAddress].filter(Boolean).join(', ')
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map(item => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
