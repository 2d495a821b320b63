/** Whether a response is an event stream shows in its head, however that is written: what a caller says that it takes decides nothing. */
import type { ServerResponse } from 'node:http'
import { headersOf } from './raw-response.ts'

/** Calls once, before the head of an event stream is sent. Does nothing for other responses. */
export function onEventStream(response: ServerResponse, call: () => void): void {
  const { writeHead } = response
  let isDecided = false
  // A head that nobody writes is written by the first piece of the body, which comes this way too.
  const watched = (...args: unknown[]): unknown => {
    if (!isDecided && isEventStream(response, args)) call()
    isDecided = true
    return Reflect.apply(writeHead, response, args)
  }
  Object.assign(response, { writeHead: watched })
}

function isEventStream(response: ServerResponse, args: readonly unknown[]): boolean {
  const given = headersOf(args.at(-1)).find(([name]) => name.toLowerCase() === 'content-type')
  const type = given?.[1] ?? response.getHeader('content-type') ?? ''
  return String(type).trim().toLowerCase().startsWith('text/event-stream')
}
