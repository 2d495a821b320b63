/** The connections of an app, as far as commands need them: their package is the project's own, and is not imported here. */
import { hasMethods } from '@fastify-mcp-auth/core'
import type { BootableApp } from './config.ts'

/** What there is behind a URL. */
export interface Report {
  readonly url: string
  readonly auth: 'none' | 'oauth' | 'unknown'
  readonly issuer: string | null
  readonly resource: string | null
  readonly scopes: readonly string[]
  readonly registration: readonly string[]
  /** Seconds that the clock of its authorization server is ahead. */
  readonly clockAhead: number | null
  /** Code of what connecting fails with. */
  readonly error: string | null
  readonly problems: readonly string[]
  readonly steps: readonly {
    readonly step: string
    readonly url: string | null
    readonly outcome: string
    readonly detail: string
    readonly spec: string
  }[]
}

export interface BootedConnections {
  stats(options: { limit?: number }): Promise<{
    readonly complete: boolean
    readonly servers: { readonly [id: string]: { readonly connections: number; readonly byStatus: object } }
    readonly expiring: number
  }>
  rotateKeys(options: { limit?: number }): Promise<{ readonly resealed: number; readonly remaining: number }>
  keyStatus(): Promise<{ readonly current: number; readonly outdated: number; readonly unreadable: number }>
  sweep(): Promise<{ readonly removed: number; readonly revoked: number }>
  probe(url: string): Promise<Report>
  diagnose(server: string): Promise<Report>
  clientMetadata(): { readonly client_id: string }
  jwks(): Promise<{ readonly keys: readonly object[] }>
  readonly mirror: {
    request(): { readonly url: string; readonly headers: { readonly [name: string]: string } }
  }
  readonly urls: { readonly index: string; readonly clientDocument: string; readonly jwks: string }
  readonly registry: {
    list(): Promise<
      readonly { readonly id: string; readonly disabled: boolean; readonly definition: { readonly auth?: string } }[]
    >
  }
}

const METHODS = ['stats', 'rotateKeys', 'keyStatus', 'sweep', 'probe', 'diagnose', 'clientMetadata', 'jwks'] as const

/** Of an app that is ready; null when the plugin is not registered in this scope. Where `decoratorName` is another one, the first that there is. */
export function connectionsOf(app: BootableApp): BootedConnections | null {
  // Values only: getters of the app are nobody's business here.
  const members = Object.values(Object.getOwnPropertyDescriptors(app)).map(({ value }): unknown => value)
  const found = [Reflect.get(app, 'mcpConnections') as unknown, ...members].find(member => hasMethods(member, METHODS))
  return found ? (found as BootedConnections) : null
}
