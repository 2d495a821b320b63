/**
 * The head of a response, looked at when it is about to be sent, whoever sends it and however: Fastify, or a handler that writes to the
 * raw response itself, as the transports of the MCP SDKs do.
 *
 * - Headers that hooks have set on the reply are lent to a handler that writes itself; they would be lost otherwise, and a page could not
 *   read the answer.
 * - Whether a response is an event stream shows here and nowhere else: what a caller says that it takes decides nothing.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { isEventStream } from './event-stream.ts'
import { headersOf } from './raw-response.ts'

const HEAD = Symbol('mcp-auth.head')

type WriteHead = (status: number, reason?: unknown, headers?: unknown) => ServerResponse

/** What is known of a response while its head is not sent. */
export interface Head {
  readonly reply: FastifyReply
  /** Whether Fastify sends the answer, and no handler by itself. */
  isSending: boolean
  /** Told once, before the head of an event stream is sent. */
  onEventStream: ((reply: FastifyReply) => void) | null
  /** Of the response, as it was found; null until somebody looks. */
  writeHead: WriteHead | null
}

type WatchedResponse = Omit<ServerResponse, 'writeHead'> & { [HEAD]: Head; writeHead: WriteHead }

/** To be called once, before the handler. */
export function watchHead(head: Head): void {
  const raw = head.reply.raw as unknown as WatchedResponse & { stream?: Http2Stream }
  if (head.onEventStream && 'stream' in raw && raw.stream) watchStream(raw.stream, head)
  head.writeHead = raw.writeHead
  raw[HEAD] = head
  raw.writeHead = writeHead
}

// The same function for all responses, and no list of its arguments: a closure for each of them would cost ten times as much. The first
// piece of a body, and the end of a response without one, come this way too.
function writeHead(this: WatchedResponse, status: number, reason?: unknown, headers?: unknown): ServerResponse {
  const head = this[HEAD]
  if (!this.headersSent) {
    if (!head.isSending) copyHeaders(head.reply)
    if (head.onEventStream && isEventStream(contentTypeOf(headers ?? reason) ?? this.getHeader('content-type')))
      head.onEventStream(head.reply)
  }
  return (head.writeHead as WriteHead).call(this, status, reason, headers)
}

interface Http2Stream {
  respond(headers?: unknown, options?: unknown): void
}

// Below the response that is made to look like one of HTTP/1, because a handler may answer on the stream itself.
function watchStream(stream: Http2Stream, head: Head): void {
  const { respond } = stream
  const { onEventStream } = head
  head.onEventStream = null
  stream.respond = (headers, options) => {
    stream.respond = respond
    if (isEventStream(contentTypeOf(headers))) onEventStream?.(head.reply)
    respond.call(stream, headers, options)
  }
}

function copyHeaders(reply: FastifyReply): void {
  const { raw } = reply
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    // These describe a body that this reply is not going to have.
    if (value === undefined || name === 'content-type' || name === 'content-length') continue
    // What the handler has set itself stands.
    if (!raw.hasHeader(name)) raw.setHeader(name, value)
  }
}

function contentTypeOf(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined
  // As Fastify writes it: found without a list of all of them.
  if ('content-type' in headers) return headers['content-type']
  return headersOf(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1]
}
