/**
 * Headers that hooks have set on a reply, for handlers that write to the raw response themselves, as the transports of the MCP SDKs do:
 * they would be lost otherwise, and a page could not read the answer.
 */
import type { FastifyReply } from 'fastify'
import { SENDING } from './context.ts'

/**
 * To be called before the handler. Waits for the head of the response, because most handlers leave it to Fastify, which knows the headers
 * anyway, and a raw response that has some already takes a slower way through Node: a tenth of a whole request.
 */
export function lendHeadersToRaw(reply: FastifyReply): void {
  const { raw, request } = reply
  const { writeHead } = raw
  raw.writeHead = (...head: unknown[]) => {
    if (!request[SENDING] && !raw.headersSent) copyHeaders(reply)
    return Reflect.apply(writeHead, raw, head)
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
