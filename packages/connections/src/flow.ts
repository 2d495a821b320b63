/**
 * One attempt to connect: everything that has to be the same at its end as at its start, kept here and not in the browser, which carries
 * a random handle only. Each attempt has its own, so that several tabs do not meet.
 */
import { digest, type KeyRing } from '@fastify-mcp-auth/core'
import type { Discovered } from './discovery.ts'
import type { OAuthClient } from './oauth-client.ts'
import type { Credential } from './seal.ts'

export interface FlowSecrets {
  readonly verifier: string
  readonly client: OAuthClient
  readonly issuer: string
  readonly metadata: Discovered['metadata']
  readonly redirectUri: string
  /** As it was sent; null when it was left out. */
  readonly resource: string | null
  readonly scopes: readonly string[]
  /** Of the server, when the flow began. */
  readonly url: string
  readonly dpopKey: Credential['dpopKey']
}

/** Record key, and id of the flow: the state itself is stored nowhere. */
export function flowKey(state: string): string {
  return digest(state)
}

/** @param connection whose flow it is */
export function sealFlow(ring: KeyRing, key: string, connection: string, secrets: FlowSecrets): string {
  return ring.seal(JSON.stringify(secrets), contextOf(key, connection))
}

/** Null when the key is gone or the record was moved. */
export function unsealFlow(ring: KeyRing, key: string, connection: string, sealed: string): FlowSecrets | null {
  const text = ring.unseal(sealed, contextOf(key, connection))
  return text === null ? null : (JSON.parse(text) as FlowSecrets)
}

function contextOf(key: string, connection: string): string {
  return JSON.stringify(['connection_flows', key, connection])
}
