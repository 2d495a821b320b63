/**
 * What happened, for audit and metrics: to the log of the request, to the option `onEvent`, to listeners and to a diagnostics channel.
 * No event has a token, code or secret in it.
 */
import {
  type AuthorizationServer,
  type AuthorizationServerEvent,
  type AuthorizationServerEvents,
  type AuthorizationServerEventType,
  type Clock,
  createEventBus,
  type EventLog
} from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'

/** Name of the diagnostics channel that every event is published on. */
export const EVENTS_CHANNEL = 'fastify-mcp-auth:authorization-server'

/** What the option `onEvent` is: told of every event. */
export type EventSink = (event: AuthorizationServerEvent) => unknown

const LEVELS: { readonly [type in AuthorizationServerEventType]?: 'debug' | 'warn' } = {
  'code.replayed': 'warn',
  'token.reused': 'warn',
  'storage.failed': 'warn'
}

export type RequestOfEvent = Pick<FastifyRequest, 'id' | 'log'>

export interface Events {
  /** Tells of something, of the request if one is given. Never throws. */
  emit<T extends AuthorizationServerEventType>(
    type: T,
    details: AuthorizationServerEvents[T],
    request?: RequestOfEvent
  ): void
  on: AuthorizationServer['on']
}

export function createEvents({
  issuer,
  clock,
  log,
  sinks
}: {
  issuer: string
  clock: Clock
  /** For what happens outside of a request. */
  log: EventLog
  /** Told of every event. */
  sinks: readonly EventSink[]
}): Events {
  const bus = createEventBus<AuthorizationServerEvent>({
    channelName: EVENTS_CHANNEL,
    levels: LEVELS,
    sinks
  })
  return Object.freeze({
    emit<T extends AuthorizationServerEventType>(
      type: T,
      details: AuthorizationServerEvents[T],
      request?: RequestOfEvent
    ): void {
      const envelope = { type, issuer, at: clock.now(), requestId: request?.id ?? null }
      // The members of one type and its name belong together, which the compiler cannot see for a T that it does not know.
      const event = Object.freeze({ ...envelope, ...frozenMembers(details) }) as unknown as AuthorizationServerEvent
      bus.publish(event, request?.log ?? log)
    },
    // The same promise, told per type name instead of per member of the union.
    on: bus.on as AuthorizationServer['on']
  })
}

// Lists are copied: a listener must not reach into a record that is on its way.
function frozenMembers(details: object): object {
  const members: Record<string, unknown> = { ...details }
  for (const name of Object.keys(members)) {
    const value = members[name]
    if (Array.isArray(value)) members[name] = Object.freeze([...value])
  }
  return members
}
