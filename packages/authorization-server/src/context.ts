/** What every endpoint is handed. Built once at boot; per request only what its events are told of. */
import type { Clock, ErrorPageRenderer, JwksSource, KeyRing, SafeFetch } from '@fastify-mcp-auth/core'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { TrustedIssuers } from './assertions/trusted-issuers.ts'
import type { Catalogue } from './catalogue.ts'
import type { Client } from './clients/client.ts'
import type { KeySource } from './clients/client-keys.ts'
import type { Documents } from './clients/documents.ts'
import type { Events, RequestOfEvent } from './events.ts'
import type { Grant } from './grants/grant.ts'
import type { Options } from './options.ts'
import { addressOf, type Limits } from './rate-limit.ts'
import type { Records } from './records.ts'
import type { SigningKeys } from './tokens/signing-keys.ts'
import type { Users } from './users.ts'

export interface ServerContext {
  readonly options: Options
  readonly issuer: string
  /** Of the issuer: where this server is, never by the Host header. */
  readonly origin: string
  readonly catalogue: Catalogue
  /** Those of the options. */
  readonly configuredClients: ReadonlyMap<string, Client>
  readonly records: Records
  readonly users: Users
  readonly keys: SigningKeys
  readonly keyRing: KeyRing
  readonly clock: Clock
  readonly fetch: SafeFetch
  readonly log: FastifyBaseLogger
  /** Looks metadata documents up; null when they are switched off. */
  readonly documents: Documents | null
  /** The public keys of a client that signs assertions. */
  readonly clientKeys: (keys: KeySource) => JwksSource
  /** Whose assertions count. */
  readonly trustedIssuers: TrustedIssuers
  /** By `grant_type`; the metadata is computed from it. */
  readonly grants: ReadonlyMap<string, Grant>
  /** Null when something in front of the app limits requests. */
  readonly limits: Limits | null
  /** Whoever draws pages registers itself here at boot. */
  readonly pages: {
    error: ErrorPageRenderer<FastifyRequest, FastifyReply> | null
    /** Path of the page where a sign-out ends. */
    signedOutUrl: string | null
    isServed: boolean
  }
  /** Address of whose request is served, as limits count it; null outside of one. Few requests need it. */
  readonly caller: () => string | null
  readonly events: Events
  /** Tells what happened. */
  readonly emit: Events['emit']
}

/**
 * The same server, whose events are told of this request, and which knows where it comes from. It is handed on rather than kept in an
 * `AsyncLocalStorage`, which makes every promise of the process dearer up to Node 22, the host's too.
 */
export function forRequest(server: ServerContext, request: RequestOfEvent & Pick<FastifyRequest, 'ip'>): ServerContext {
  return {
    ...server,
    caller: () => addressOf(request),
    emit: (type, details) => server.events.emit(type, details, request)
  }
}

/** Path of an endpoint on this server. */
export function endpointPath(server: ServerContext, name: string): string {
  return `${server.options.prefix}/${name}`
}

/** The URL by which clients know an endpoint. */
export function endpointUrl(server: ServerContext, name: string): string {
  return server.origin + endpointPath(server, name)
}

/** Path of the page (GET) and of the decision (POST) of an interaction. */
export function interactionPath(server: ServerContext, handle: string): string {
  return `${server.options.prefix}/interaction/${handle}`
}

/** Path and query of the page for the codes of devices: ours, or the app's own. */
export function devicePage(server: ServerContext, query: Record<string, string> = {}): string {
  const { deviceAuthorization } = server.options
  const path = deviceAuthorization?.pageUrl ?? endpointPath(server, 'device')
  const search = new URLSearchParams(query).toString()
  return search === '' ? path : `${path}?${search}`
}

/** Where a person goes next: to sign in, or to decide. */
export function pageUrl(server: ServerContext, handle: string): string {
  return server.options.interactionUrl?.(handle) ?? interactionPath(server, handle)
}
