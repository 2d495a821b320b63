/**
 * Server-sent events on their way through: every event is held until it is whole, its data read as JSON and replaced where wanted.
 *
 * @see HTML standard sections 9.2.5 and 9.2.6
 */
import { StringDecoder } from 'node:string_decoder'

// A lone carriage return ends a line, unless a line feed follows.
const LINE_END = /\r\n|\n|\r(?!\n)/
const EVENT_END = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))/g

export interface EventRewriter {
  /** @returns what can be sent now; empty while an event is incomplete */
  write(bytes: Buffer): string
  /** @returns the rest, rewritten like a whole event, though clients are to ignore it */
  end(): string
}

/** @param rewrite called with the JSON of every event that has some; other events pass as they are */
export function createEventRewriter(rewrite: (message: unknown) => unknown): EventRewriter {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let first = true

  function take(text: string): string {
    pending += first ? text.replace(/^\uFEFF/, '') : text
    if (text !== '') first = false
    // Whether a carriage return at the end ends a line is for the next character to say.
    const held = pending.endsWith('\r') ? 1 : 0
    const readable = pending.slice(0, pending.length - held)
    const last = [...readable.matchAll(EVENT_END)].at(-1)
    if (!last) return ''
    const end = last.index + last[0].length
    pending = pending.slice(end)
    return rewriteEvents(readable.slice(0, end), rewrite)
  }

  return {
    write: bytes => take(decoder.write(bytes)),
    end: () => {
      const rest = take(decoder.end()) + rewriteEvents(pending, rewrite)
      pending = ''
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
