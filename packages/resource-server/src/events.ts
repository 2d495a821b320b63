/**
 * What happened, for audit and metrics: to the log, to listeners, and to a diagnostics channel. No event has anything of a token in it,
 * nor arguments of a call.
 */
import { channel } from 'node:diagnostics_channel'
import { type Clock, isOAuthError, isUnavailableError, type OAuthErrorCode } from '@fastify-mcp-auth/core'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { InsufficientScopeError, isRefusedRequestError, MissingTokenError } from './errors.ts'
import type { Telemetry } from './telemetry.ts'
import type { Principal, VerifierEvent } from './types.ts'

/** Name of the diagnostics channel that every event is published on. */
export const EVENTS_CHANNEL = 'fastify-mcp-auth:resource-server'

/** Who called, as far as it is known. */
export type EventCaller = Pick<Principal, 'subject' | 'clientId' | 'issuer'> | null

interface Request {
  readonly requestId: string
  readonly caller: EventCaller
}

interface Operation {
  readonly method: string
  /** Tool, prompt or resource. */
  readonly name: string | null
}

/** Something that happened. `reason` is a stable word. */
export type McpAuthEvent = { readonly resource: string /** Epoch seconds. */; readonly at: number } & (
  | (Request & { readonly type: 'token.accepted' })
  | (Request & { readonly type: 'token.rejected'; readonly error: OAuthErrorCode; readonly reason: string | null })
  /** No credentials were sent where some are needed. */
  | (Request & { readonly type: 'token.missing' })
  /** Something that a verdict depends on does not answer. */
  | (Request & { readonly type: 'token.undecided' })
  | (Request & { readonly type: 'scope.denied'; readonly scopes: readonly string[] })
  /** Host, origin, plain http, a body that cannot be read, an unknown operation. */
  | (Request & { readonly type: 'request.refused'; readonly reason: string })
  /** Somebody called what is not listed for him. */
  | (Request & { readonly type: 'operation.hidden'; readonly operations: readonly Operation[] })
  | (Request & { readonly type: 'session.bound' })
  /** A session was used by somebody else than its owner, or is not known. */
  | (Request & { readonly type: 'session.refused' })
  /** A stream was ended because the token of its reader expired. */
  | (Request & { readonly type: 'stream.ended' })
  | VerifierEvent
)

/** Names of the events. */
export type McpAuthEventType = McpAuthEvent['type']

/** The events of one or several types. */
export type McpAuthEventOf<T extends McpAuthEventType> = Extract<McpAuthEvent, { readonly type: T }>

/** Told of events, within the request that they are about. What it throws or rejects with is logged and changes nothing. */
export type EventListener<T extends McpAuthEventType> = (event: McpAuthEventOf<T>) => unknown

// Distributes, so that every type keeps the members that are its own.
type Told<E> = E extends unknown ? Omit<E, 'resource' | 'at' | 'requestId' | 'caller'> : never
/** What is told of a request; the rest is known. */
export type RequestEvent = Told<Extract<McpAuthEvent, Request>>

const LEVELS: { readonly [type in McpAuthEventType]?: 'debug' | 'warn' } = {
  'token.accepted': 'debug',
  'token.missing': 'debug',
  'jwks.refreshed': 'debug',
  'session.refused': 'warn',
  'token.undecided': 'warn',
  'jwks.failed': 'warn',
  'introspection.failed': 'warn',
  'introspection.suspended': 'warn'
}

export interface Events {
  tell(request: FastifyRequest, event: RequestEvent): void
  /** Every request has one of these: it costs nothing when nobody wants it. */
  tellOfAccepted(request: FastifyRequest): void
  tellOfVerifier(log: FastifyBaseLogger, event: VerifierEvent): void
  on<T extends McpAuthEventType>(type: T, listener: EventListener<T>): () => void
}

type AnyListener = EventListener<McpAuthEventType>

export function createEvents({
  resource,
  clock,
  telemetry,
  sink
}: {
  readonly resource: string
  readonly clock: Clock
  readonly telemetry: Telemetry | null
  /** The option `onEvent`: told of every event. */
  readonly sink: AnyListener | undefined
}): Events {
  const listeners = new Map<McpAuthEventType, Set<AnyListener>>()
  const diagnostics = channel(EVENTS_CHANNEL)

  function publish(log: FastifyBaseLogger, event: McpAuthEvent): void {
    // By this name loggers print an error with its message and its cause.
    const failure = 'error' in event && event.error instanceof Error ? { err: event.error } : {}
    log[LEVELS[event.type] ?? 'info']({ event, ...failure }, `mcp-auth: ${event.type}`)
    telemetry?.count(event)
    diagnostics.publish(event)
    if (sink) call(log, event, sink)
    for (const listener of listeners.get(event.type) ?? []) call(log, event, listener)
  }

  // Whoever listens does not get to decide about the request, nor to end the process.
  function call(log: FastifyBaseLogger, event: McpAuthEvent, listener: AnyListener): void {
    const fail = (error: unknown): void => log.error(error, `mcp-auth: a listener of ${event.type} failed`)
    try {
      const outcome = listener(event)
      if (outcome instanceof Promise) outcome.catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  function tell(request: FastifyRequest, event: RequestEvent): void {
    const caller = callerOf(request.auth)
    publish(request.log, Object.freeze({ ...event, resource, at: clock.now(), requestId: request.id, caller }))
  }

  return Object.freeze({
    tell,
    tellOfAccepted(request: FastifyRequest): void {
      if (isHeard('token.accepted', request.log)) tell(request, { type: 'token.accepted' })
    },
    tellOfVerifier(log: FastifyBaseLogger, event: VerifierEvent): void {
      publish(log, Object.freeze({ ...event, resource, at: clock.now() }))
    },
    on<T extends McpAuthEventType>(type: T, listener: EventListener<T>): () => void {
      const those = listeners.get(type) ?? new Set()
      // The map keeps a listener with the events of its type.
      const entry = listener as AnyListener
      listeners.set(type, those.add(entry))
      return () => void those.delete(entry)
    }
  })

  function isHeard(type: McpAuthEventType, log: FastifyBaseLogger): boolean {
    if (telemetry || sink || diagnostics.hasSubscribers || (listeners.get(type)?.size ?? 0) > 0) return true
    return log.level === 'debug' || log.level === 'trace'
  }
}

function callerOf(principal: Principal | null): EventCaller {
  if (!principal) return null
  const { subject, clientId, issuer } = principal
  return Object.freeze({ subject, clientId, issuer })
}

/** The event that a refusal is; null for an error that is not ours. */
export function eventOfError(error: unknown): RequestEvent | null {
  if (error instanceof MissingTokenError) return { type: 'token.missing' }
  if (error instanceof InsufficientScopeError) return { type: 'scope.denied', scopes: error.scopes }
  if (isOAuthError(error)) return { type: 'token.rejected', error: error.error, reason: error.reason ?? null }
  if (isUnavailableError(error)) return { type: 'token.undecided' }
  if (!isRefusedRequestError(error)) return null
  return error.reason === 'session' ? { type: 'session.refused' } : { type: 'request.refused', reason: error.reason }
}
