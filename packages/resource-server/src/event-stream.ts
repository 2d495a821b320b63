/**
 * Server-sent events on their way through: every event is held until it is whole, its data read as JSON and replaced where wanted.
 *
 * @see HTML standard sections 9.2.5 and 9.2.6
 */
import { StringDecoder } from 'node:string_decoder'

// A lone carriage return ends a line, unless a line feed follows.
const LINE_END = /\r\n|\n|\r(?!\n)/
const EVENT_END = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))/g

/** As many characters as the longest end of an event has before its last one. */
const OVERLAP = 3

const EVENT_STREAM = /^\s*text\/event-stream/i

/** Whether a content type, as a handler has set it, is that of an event stream. What is around it is for the reader to trim. */
export function isEventStream(contentType: unknown): boolean {
  if (typeof contentType === 'string') return EVENT_STREAM.test(contentType)
  return Array.isArray(contentType) && contentType.some(isEventStream)
}

export interface EventRewriter {
  /** @returns what can be sent now; empty while an event is incomplete */
  write(bytes: Buffer): string
  /** @returns the rest, rewritten like a whole event, though clients are to ignore it */
  end(): string
}

/** @param rewrite called with the JSON of every event that has some; other events pass as they are */
export function createEventRewriter(rewrite: (message: unknown) => unknown): EventRewriter {
  const decoder = new StringDecoder('utf8')
  // In pieces, of which only the last is searched: an event of many of them would be read again with each one.
  let pending: string[] = []
  /** The end of what is pending, in which the end of an event may have begun. */
  let tail = ''
  let first = true

  function take(text: string): string {
    const piece = first ? text.replace(/^\uFEFF/, '') : text
    if (text !== '') first = false
    const searched = tail + piece
    // Whether a carriage return at the end ends a line is for the next character to say.
    const readable = searched.endsWith('\r') ? searched.slice(0, -1) : searched
    const last = [...readable.matchAll(EVENT_END)].at(-1)
    if (!last) {
      pending.push(piece)
      tail = searched.slice(-OVERLAP)
      return ''
    }
    const rest = searched.slice(last.index + last[0].length)
    const whole = pending.join('') + piece
    pending = [rest]
    tail = rest.slice(-OVERLAP)
    return rewriteEvents(whole.slice(0, whole.length - rest.length), rewrite)
  }

  return {
    write: bytes => take(decoder.write(bytes)),
    end: () => {
      const rest = take(decoder.end()) + rewriteEvents(pending.join(''), rewrite)
      pending = []
      tail = ''
      return rest
    }
  }
}

function rewriteEvents(text: string, rewrite: (message: unknown) => unknown): string {
  let position = 0
  let written = ''
  for (const separator of [...text.matchAll(EVENT_END), null]) {
    const end = separator?.index ?? text.length
    written += rewriteEvent(text.slice(position, end), rewrite) + (separator?.[0] ?? '')
    position = end + (separator?.[0].length ?? 0)
  }
  return written
}

function rewriteEvent(event: string, rewrite: (message: unknown) => unknown): string {
  const lines = event.split(LINE_END)
  const data = lines.filter(isData)
  const message = parse(data.map(line => line.replace(/^data:? ?/, '')).join('\n'))
  if (message === undefined) return event
  const instead = rewrite(message)
  if (instead === message) return event
  const rest = lines.filter(line => !isData(line))
  return [...rest, `data: ${JSON.stringify(instead)}`].filter(line => line !== '').join('\n')
}

function isData(line: string): boolean {
  return line === 'data' || line.startsWith('data:')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
