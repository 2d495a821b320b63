/** The published keys of an issuer: where they are, and what is told of them. */
import {
  type Clock,
  createJwksSource,
  createStaticJwks,
  type JwksEvent,
  type JwksSource,
  type SafeFetch
} from '@fastify-mcp-auth/core'
import type { VerifierEvent, VerifierHealth } from '../types.ts'
import { createIssuerDiscovery } from './issuer-discovery.ts'

/** An issuer and where its keys are: in `jwks`, at `jwksUri`, or where its metadata says. */
export interface KeyOwner {
  readonly issuer: string
  readonly jwksUri?: string
  readonly jwks?: unknown
}

export interface IssuerKeys {
  readonly issuer: string
  readonly keys: JwksSource
  /** Of the keys, and of the metadata where they are found through it. Fetches nothing. */
  health(): readonly VerifierHealth[]
}

export interface KeySettings {
  readonly algorithms: readonly string[]
  readonly fetch: SafeFetch
  readonly clock: Clock
  readonly tell: (event: VerifierEvent) => void
}

/**
 * Fetches nothing yet.
 *
 * @throws ConfigurationError for `jwks` that is no set of public keys
 */
export function createIssuerKeys(owner: KeyOwner, { algorithms, fetch, clock, tell }: KeySettings): IssuerKeys {
  const { issuer, jwksUri, jwks } = owner
  if (jwks !== undefined) return issuerKeys(issuer, createStaticJwks(jwks, algorithms))
  const settings = { fetch, algorithms, clock, onEvent: (event: JwksEvent) => tell(eventOf(event, issuer)) }
  if (jwksUri !== undefined) return issuerKeys(issuer, createJwksSource({ uri: jwksUri, ...settings }))
  const discovery = createIssuerDiscovery(issuer, fetch, clock)
  const keys = createJwksSource({ uri: () => discovery.find('jwks_uri'), ...settings })
  return issuerKeys(issuer, keys, () => [discovery.health()])
}

function issuerKeys(issuer: string, keys: JwksSource, rest: () => readonly VerifierHealth[] = () => []): IssuerKeys {
  const health = () => [{ dependency: 'jwks' as const, issuer, ...keys.health() }, ...rest()]
  return Object.freeze({ issuer, keys, health })
}

function eventOf(event: JwksEvent, issuer: string): VerifierEvent {
  return event.type === 'failed'
    ? { type: 'jwks.failed', issuer, error: event.error }
    : { type: `jwks.${event.type}`, issuer }
}
