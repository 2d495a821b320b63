/**
 * One kept-alive HTTP/1.1 connection that costs as little as possible, so that a measurement is about the server: no pipelining, no
 * chunked answers, no redirects, nothing parsed that nobody asked for.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  /** Status line and headers as they came. */
  readonly head: string
  readonly body: string
}

/** Milliseconds after which a server that says nothing is given up. */
const PATIENCE = 30_000

export class Connection {
  readonly #socket: Socket
  #received = ''
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    // One byte, one character: lengths stay right, and what the servers here send is ASCII.
    socket.setEncoding('latin1')
    socket.on('data', chunk => this.#receive(String(chunk)))
    socket.setTimeout(PATIENCE, () => this.#fail(new Error('the server does not answer')))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Connection(socket)
  }

  /** @param request complete, in ASCII, with an empty line at its end or a body */
  exchange(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#waiting = null
    this.#socket.destroy()
  }

  #receive(chunk: string): void {
    this.#received += chunk
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const length = contentLength(head)
    if (length === null) {
      this.#fail(new Error(`an answer without content-length: ${head}`))
      return
    }
    if (this.#received.length < end + 4 + length) return
    const waiting = this.#waiting
    const body = this.#received.slice(end + 4, end + 4 + length)
    this.#received = this.#received.slice(end + 4 + length)
    this.#waiting = null
    waiting?.resolve({ status: Number(head.slice(9, 12)), head, body })
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
    this.#waiting = null
    this.#socket.destroy()
  }
}

/** The first value of a header, or null. */
export function headerOf(head: string, name: string): string | null {
  return new RegExp(`\\r\\n${name}: ([^\\r]*)`, 'i').exec(head)?.[1] ?? null
}

function contentLength(head: string): number | null {
  const value = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (value !== undefined) return Number(value)
  // RFC 9110 section 6.4.1: these have no body.
  return head.startsWith('204', 9) || head.startsWith('304', 9) ? 0 : null
}
