/**
 * An HTTP server on 127.0.0.1 whose endpoints have names, can be made to fail, and remember what they were asked.
 * The ground of the authorization server and the MCP server of the kit.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Fault, FaultOrChoice } from './fault.ts'

/** A request whose body has been read. */
export interface ReceivedRequest {
  readonly method: string
  /** Absolute, with the origin that the server listens on, whatever the Host header says. */
  readonly url: URL
  readonly path: string
  readonly headers: { readonly [name: string]: string | undefined }
  readonly body: string
}

/** An answer. `stream` writes the body itself, after the head was sent, and may go on for as long as it likes. */
export interface Answer {
  readonly status: number
  readonly headers?: { readonly [name: string]: string | readonly string[] }
  readonly body?: string
  readonly stream?: (response: ServerResponse) => void
}

/** An endpoint: the name that faults and the log use, and what it does. */
export interface Endpoint {
  readonly name: string
  readonly handle: (request: ReceivedRequest) => Answer | Promise<Answer>
}

/** What a server was asked, in order. Bodies and headers are kept as they came, secrets included: it is a test. */
export interface LoggedRequest extends ReceivedRequest {
  readonly endpoint: string
  /** The fault that the request met; null when it was answered as it should be. */
  readonly fault: Fault['kind'] | null
}

/** A server whose endpoints can be made to fail. */
export interface LoopbackServer {
  /** Without a trailing slash. */
  readonly url: string
  readonly requests: readonly LoggedRequest[]
  /** Requests to the endpoint so far. */
  count(endpoint: string): number
  /**
   * Makes an endpoint fail. Faults of one endpoint wait in line.
   *
   * @param options `times`: after so many requests it works again; 1 by default, `Infinity` until {@link LoopbackServer.heal}
   */
  fail(endpoint: string, what: FaultOrChoice, options?: { times?: number }): void
  /** Takes all faults away, or those of one endpoint. */
  heal(endpoint?: string): void
  /** Cuts what is open and stops. */
  close(): Promise<void>
}

/** Bytes of a body that are read at most: more than any client of this protocol sends. */
const MAX_BODY = 1_048_576
/** Requests that are remembered: simulations send millions. */
const MAX_LOG = 100_000

/** @param find the endpoint for a request; undefined is answered by 404 */
export async function listenOnLoopback(
  find: (request: ReceivedRequest) => Endpoint | undefined
): Promise<LoopbackServer> {
  const server = new FallibleServer(find)
  await server.listen()
  return server
}

class FallibleServer implements LoopbackServer {
  url = ''
  readonly requests: LoggedRequest[] = []
  readonly #counts = new Map<string, number>()
  readonly #faults = new Map<string, { what: FaultOrChoice; left: number }[]>()
  readonly #find: (request: ReceivedRequest) => Endpoint | undefined
  readonly #server: Server

  constructor(find: (request: ReceivedRequest) => Endpoint | undefined) {
    this.#find = find
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(error => {
        // A mistake of the kit or of the test's own handler: it must be seen, not taken for a fault of the network.
        console.error(error)
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  count(endpoint: string): number {
    return this.#counts.get(endpoint) ?? 0
  }

  fail(endpoint: string, what: FaultOrChoice, { times = 1 }: { times?: number } = {}): void {
    const line = this.#faults.get(endpoint) ?? []
    line.push({ what, left: times })
    this.#faults.set(endpoint, line)
  }

  heal(endpoint?: string): void {
    if (endpoint === undefined) this.#faults.clear()
    else this.#faults.delete(endpoint)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await receive(incoming, this.url)
    const endpoint = this.#find(request)
    if (!endpoint) return send(response, { status: 404, headers: { 'content-type': 'text/plain' }, body: 'not found' })
    const found = this.#nextFault(endpoint.name, request)
    this.#log({ ...request, endpoint: endpoint.name, fault: found?.kind ?? null })
    if (found?.kind === 'hang') return
    if (found?.kind === 'reset') return void incoming.socket.destroy()
    if (found?.kind === 'answer') return send(response, found)
    const answer = await endpoint.handle(request)
    if (found?.kind === 'lost') return void incoming.socket.destroy()
    if (found?.kind === 'slow') await wait(found.milliseconds)
    send(response, answer)
  }

  #nextFault(endpoint: string, request: ReceivedRequest): Fault | null {
    const line = this.#faults.get(endpoint)
    const first = line?.[0]
    if (!line || !first) return null
    first.left--
    if (first.left <= 0) line.shift()
    return typeof first.what === 'function' ? first.what(request) : first.what
  }

  #log(request: LoggedRequest): void {
    this.#counts.set(request.endpoint, this.count(request.endpoint) + 1)
    this.requests.push(request)
    if (this.requests.length > MAX_LOG) this.requests.shift()
  }
}

async function receive(incoming: IncomingMessage, origin: string): Promise<ReceivedRequest> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw new Error('the body is too large for the kit')
    chunks.push(chunk)
  }
  const url = new URL(incoming.url ?? '/', origin)
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value])
  )
  return {
    method: incoming.method ?? 'GET',
    url,
    path: url.pathname,
    headers,
    body: Buffer.concat(chunks).toString('utf8')
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  response.writeHead(answer.status, answer.headers as Record<string, string | string[]>)
  if (answer.stream) answer.stream(response)
  else response.end(answer.body ?? '')
}

/** An answer with a JSON body that nobody may keep. */
export function jsonAnswer(
  status: number,
  body: unknown,
  headers: { readonly [name: string]: string | readonly string[] } = {}
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body)
  }
}
