/**
 * Stands between whatever writes a response and the socket: a handler that sends through Fastify and one that writes to
 * `reply.raw`, as the transports of the MCP SDKs do, end here alike. Nothing leaves before it was looked at.
 *
 * @see HTML standard section 9.2.6 (event streams)
 */
import type { ServerResponse } from 'node:http'
import { type Awaitable, isPromise } from './awaitable.ts'
import { createEventRewriter, isEventStream } from './event-stream.ts'
import { STATUS_CODES } from './status-codes.ts'

/** What is done to a response. */
export interface Tap {
  /** Before the first byte, with status and headers set on the response. The response waits for it, and fails with it. */
  readonly onHead?: ((response: ServerResponse) => Awaitable<void> | undefined) | undefined
  /**
   * What to send instead of a JSON-RPC message or batch; the same value to send it as it is. With it, a response that is neither JSON
   * nor an event stream is an error: what cannot be read cannot be let out.
   */
  readonly rewrite?: ((message: unknown) => unknown) | undefined
  /** Whether only event streams are read; everything else passes as it is. */
  readonly onlyStreams?: boolean
}

/** Whoever goes on writing, unaware that it is over, writes to nobody and must not fail for it. */
const SINK = {
  write: () => true,
  end<T>(this: T): T {
    return this
  }
}

/** Everything by which something can be sent on a stream of HTTP/2, headers of an informational answer and trailers aside. */
const WAYS_OUT = ['respond', 'respondWithFile', 'respondWithFD', 'pushStream', 'write', 'end'] as const

type Http2Stream = Record<(typeof WAYS_OUT)[number], (...args: unknown[]) => unknown> & {
  /** Nothing can be sent on it any more. */
  readonly closed: boolean
}

interface Write {
  readonly bytes: Buffer
  readonly done: (() => void) | undefined
}

/** Puts the tap on a response of which nothing was sent yet. */
export function tapResponse(response: ServerResponse, tap: Tap): void {
  new TappedResponse(response, tap)
}

type TappedMethods = Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'flushHeaders'>

class TappedResponse {
  readonly #response: ServerResponse
  readonly #tap: Tap
  readonly #original: TappedMethods
  readonly #queue: Write[] = []
  #started = false
  #ended = false
  /** Whether what is written to the stream below comes from here. */
  #isSending = false
  /** Nothing more is sent: the response has ended as it should, or failed. */
  #over = false
  /** Set once the head has been decided on. */
  #body: Body | null = null

  constructor(response: ServerResponse, tap: Tap) {
    this.#response = response
    this.#tap = tap
    const { writeHead, write, end, flushHeaders } = response
    this.#original = { writeHead, write, end, flushHeaders }
    Object.assign(response, {
      writeHead: (status: number, ...rest: unknown[]) => this.#writeHead(status, rest),
      write: (...args: unknown[]) => this.#write(args),
      end: (...args: unknown[]) => this.#end(args),
      flushHeaders: () => this.#start()
    })
    if (tap.rewrite) this.#guardStream()
  }

  // Over HTTP/2 a handler may answer on the stream below the response, or push another answer from there: nothing of it is read.
  #guardStream(): void {
    const { stream } = this.#response as ServerResponse & { readonly stream?: Http2Stream }
    if (!stream) return
    for (const way of WAYS_OUT) {
      const original = stream[way]
      stream[way] = (...args) => {
        // Node itself ends a stream that was closed.
        if (this.#isSending || stream.closed) return original.apply(stream, args)
        this.#fail()
        const done = args.findLast(arg => typeof arg === 'function') as ((error: Error) => void) | undefined
        if (way === 'pushStream' && done)
          process.nextTick(done, new Error('nothing is pushed past a response that is read'))
        return way === 'write' ? true : stream
      }
    }
  }

  /** The only way to the client. */
  #send<T>(act: (response: ServerResponse, original: TappedMethods) => T): T {
    this.#isSending = true
    try {
      return act(this.#response, this.#original)
    } finally {
      this.#isSending = false
    }
  }

  #writeHead(status: number, rest: readonly unknown[]): ServerResponse {
    const [first] = rest
    this.#response.statusCode = status
    if (typeof first === 'string') this.#response.statusMessage = first
    for (const [name, value] of headersOf(rest.at(-1))) this.#response.setHeader(name, value)
    return this.#response
  }

  #write(args: readonly unknown[]): boolean {
    this.#queue.push(readWrite(args))
    this.#start()
    return this.#body ? this.#drain(this.#body) : true
  }

  #end(args: readonly unknown[]): ServerResponse {
    const { bytes, done } = readWrite(args)
    if (bytes.length > 0) this.#queue.push({ bytes, done: undefined })
    if (done) this.#response.once('finish', done)
    this.#ended = true
    this.#start()
    if (this.#body) this.#drain(this.#body)
    return this.#response
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    try {
      const waiting = this.#tap.onHead?.(this.#response)
      if (isPromise(waiting)) void waiting.then(() => this.#open()).catch(() => this.#fail())
      else this.#open()
    } catch {
      this.#fail()
    }
  }

  #open(): void {
    const { rewrite, onlyStreams } = this.#tap
    const isStream = isEventStream(this.#response.getHeader('content-type'))
    const send = (bytes: Buffer | string): boolean =>
      bytes.length === 0 || this.#send((response, { write }) => write.call(response, bytes, 'utf8'))
    const body: Body =
      rewrite && (isStream || !onlyStreams)
        ? this.#readable(rewrite, isStream ? send : null)
        : { write: send, end: () => undefined, whole: false }
    this.#body = body
    if (!body.whole) this.#sendHead()
    this.#drain(body)
  }

  /** @param stream sends text of an event stream; null when the body is no stream */
  #readable(rewrite: (message: unknown) => unknown, stream: ((text: string) => boolean) | null): Body {
    const encoding = this.#response.getHeader('content-encoding') ?? 'identity'
    this.#response.removeHeader('content-length')
    this.#response.removeHeader('etag')
    if (encoding !== 'identity') return { write: () => true, end: () => this.#fail(), whole: true }
    if (stream) {
      const events = createEventRewriter(rewrite)
      return { write: bytes => stream(events.write(bytes)), end: () => void stream(events.end()), whole: false }
    }
    const chunks: Buffer[] = []
    return {
      write: bytes => chunks.push(bytes) > 0,
      end: () => this.#sendWhole(rewriteWhole(Buffer.concat(chunks), rewrite)),
      whole: true
    }
  }

  #sendWhole(text: string | null): void {
    const { statusCode } = this.#response
    if (text === null && statusCode < 400) {
      this.#fail()
      return
    }
    // An error page that is no JSON may quote what was asked for.
    if (text === null) this.#response.setHeader('content-type', 'text/plain; charset=utf-8')
    const bytes = Buffer.from(text ?? STATUS_CODES[statusCode] ?? 'error')
    if (statusCode !== 204 && statusCode !== 304) this.#response.setHeader('content-length', bytes.length)
    this.#sendHead()
    if (bytes.length > 0) this.#send((response, { write }) => write.call(response, bytes, 'utf8'))
  }

  #sendHead(): void {
    this.#send((response, { writeHead }) => writeHead.call(response, response.statusCode))
  }

  #drain(body: Body): boolean {
    if (this.#over) return true
    try {
      return this.#pass(body)
    } catch {
      // The writer did nothing wrong, and could not mend it.
      this.#fail()
      return true
    }
  }

  #pass(body: Body): boolean {
    let flowing = true
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      flowing = body.write(next.bytes)
      if (next.done) process.nextTick(next.done)
    }
    if (!this.#ended) return flowing
    Object.assign(this.#response, this.#original)
    body.end()
    this.#over = true
    this.#send(response => response.end())
    return flowing
  }

  // What was to be sent is not known to be harmless, so none of it is.
  #fail(): void {
    if (this.#over) return
    this.#over = true
    const response = Object.assign(this.#response, this.#original)
    if (response.headersSent) {
      response.destroy()
      return
    }
    for (const name of response.getHeaderNames())
      if (/^(content-|mcp-session-id$|etag$)/.test(name)) response.removeHeader(name)
    this.#send(() => {
      response.writeHead(500, { 'content-type': 'application/json; charset=utf-8' })
      response.end('{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"}}')
    })
    Object.assign(response, SINK)
  }
}

interface Body {
  write(bytes: Buffer): boolean
  end(): void
  /** Whether head and body are sent together, at the end. */
  readonly whole: boolean
}

/** @returns null for what is not JSON */
function rewriteWhole(bytes: Buffer, rewrite: (message: unknown) => unknown): string | null {
  const text = bytes.toString('utf8')
  if (text === '') return text
  try {
    const message: unknown = JSON.parse(text)
    const instead = rewrite(message)
    return instead === message ? text : JSON.stringify(instead)
  } catch {
    return null
  }
}

function readWrite(args: readonly unknown[]): Write {
  const [chunk, encoding] = args
  const done = args.find((arg): arg is () => void => typeof arg === 'function')
  if (typeof chunk === 'string')
    return { bytes: Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'), done }
  // A copy: the writer may use its buffer again before this one is sent.
  return { bytes: chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.alloc(0), done }
}

/** Headers of writeHead: an object, or names and values in turn, where a name may come again. */
export function headersOf(headers: unknown): [string, string | string[]][] {
  if (typeof headers !== 'object' || headers === null) return []
  if (!Array.isArray(headers))
    return Object.entries(headers as Record<string, string | string[]>).filter(([, value]) => value !== undefined)
  const flat = headers.flat() as string[]
  const grouped = new Map<string, string[]>()
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = String(flat[index]).toLowerCase()
    grouped.set(name, [...(grouped.get(name) ?? []), String(flat[index + 1])])
  }
  return [...grouped].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values])
}
