/**
 * Tells what happened, for audit and metrics: to a log, to whoever listens, and to a diagnostics channel. Shared by the plugins, each
 * with events of its own.
 */
import { channel } from 'node:diagnostics_channel'

type Write = (details: object, message: string) => void

/** What an event is written to; a pino logger is one. */
export interface EventLog {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}

/** Where events go, and how to hear of them. */
export interface EventBus<E extends { readonly type: string }> {
  /** Never throws: whoever listens does not get to decide about the request. */
  publish(event: E, log: EventLog): void
  /** @returns a function that ends it */
  on<T extends E['type']>(type: T, listener: (event: Extract<E, { readonly type: T }>) => unknown): () => void
}

/**
 * @param channelName of the diagnostics channel; every event is a message on it
 * @param levels of the log, for the types that are not `info`
 * @param sinks are told of every event, before the listeners of its type
 */
export function createEventBus<E extends { readonly type: string }>({
  channelName,
  levels,
  sinks = []
}: {
  channelName: string
  levels: { readonly [type in E['type']]?: keyof EventLog }
  sinks?: readonly ((event: E) => unknown)[]
}): EventBus<E> {
  const diagnostics = channel(channelName)
  const listeners = new Map<string, Set<(event: E) => unknown>>()

  return Object.freeze({
    publish(event: E, log: EventLog): void {
      log[levels[event.type as E['type']] ?? 'info']({ event }, `mcp-auth: ${event.type}`)
      diagnostics.publish(event)
      for (const sink of sinks) void notify(sink, event, log)
      for (const listener of listeners.get(event.type) ?? []) void notify(listener, event, log)
    },
    on<T extends E['type']>(type: T, listener: (event: Extract<E, { readonly type: T }>) => unknown): () => void {
      const those = listeners.get(type) ?? new Set()
      // A function of its own, so that one that was given twice is told twice. The map keeps it with the events of its type.
      const entry = (event: E): unknown => listener(event as Extract<E, { readonly type: T }>)
      listeners.set(type, those.add(entry))
      return () => void those.delete(entry)
    }
  })
}

// Awaited although nobody waits for it: a rejection that nobody handles ends the process.
async function notify<E extends { readonly type: string }>(
  listener: (event: E) => unknown,
  event: E,
  log: EventLog
): Promise<void> {
  try {
    await listener(event)
  } catch (err) {
    log.error({ err, event: event.type }, 'mcp-auth: a listener failed')
  }
}
