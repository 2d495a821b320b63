/** What happened, for audit and metrics: to the log, to `onEvent`, to listeners and to a diagnostics channel. No secret is in any event. */
import { type Clock, createEventBus, type EventLog } from '@fastify-mcp-auth/core'
import type { Place } from './owner.ts'
import type { ConnectionEvent, ConnectionEvents, ConnectionEventType, Connections } from './types.ts'

/** Name of the diagnostics channel that every event is published on. */
export const CONNECTIONS_CHANNEL = 'fastify-mcp-auth:connections'

const LEVELS: { readonly [type in ConnectionEventType]?: 'debug' | 'warn' | 'error' } = {
  'flow.started': 'debug',
  'flow.failed': 'warn',
  refreshed: 'debug',
  used: 'debug',
  'refresh.failed': 'warn',
  needs_reauth: 'warn',
  'issuer.changed': 'warn',
  'credential.rejected': 'warn',
  'blocked.url': 'warn',
  'revocation.failed': 'warn',
  'server.removed': 'warn',
  'server.disabled': 'warn',
  'server.wiped': 'warn',
  'issuer.blocked': 'warn',
  'issuer.unblocked': 'warn'
}

/** What an event is about. */
export type Subject = Pick<Place, 'server' | 'owner'> & { readonly id: string | null }

export interface Events {
  /** Never throws. */
  emit<T extends ConnectionEventType>(type: T, subject: Subject, details: ConnectionEvents[T]): void
  readonly on: Connections['on']
}

export function createEvents(settings: {
  readonly clock: Clock
  readonly log: EventLog
  /** Told of every event. */
  readonly sinks: readonly ((event: ConnectionEvent) => unknown)[]
}): Events {
  const { clock, log, sinks } = settings
  const bus = createEventBus<ConnectionEvent>({
    channelName: CONNECTIONS_CHANNEL,
    levels: LEVELS,
    sinks
  })
  return Object.freeze({
    emit<T extends ConnectionEventType>(type: T, { server, owner, id }: Subject, details: ConnectionEvents[T]): void {
      const members: Record<string, unknown> = { ...details }
      for (const [name, value] of Object.entries(members))
        if (Array.isArray(value)) members[name] = Object.freeze([...value])
      // The members of one type and its name belong together, which the compiler cannot see for a T that it does not know.
      const event = Object.freeze({ type, at: clock.now(), server, connection: id, owner, ...members })
      bus.publish(event as unknown as ConnectionEvent, log)
    },
    on: bus.on as Connections['on']
  })
}

const nothing = (): void => undefined

/** The log of an app that gave none. */
export const SILENT: EventLog = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing })
