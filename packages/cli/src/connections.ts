/** The connections of an app, as far as commands need them: their package is the project's own, and is not imported here. */
import { hasMethods } from '@fastify-mcp-auth/core'
import type { BootableApp } from './config.ts'

export interface BootedConnections {
  stats(options: { limit?: number }): Promise<{
    readonly complete: boolean
    readonly servers: { readonly [id: string]: { readonly connections: number; readonly byStatus: object } }
    readonly expiring: number
  }>
  rotateKeys(options: { limit?: number }): Promise<{ readonly resealed: number; readonly remaining: number }>
  sweep(): Promise<{ readonly removed: number; readonly revoked: number }>
  diagnose(server: string): Promise<{ readonly auth: string; readonly problems: readonly string[] }>
  readonly registry: {
    list(): Promise<
      readonly { readonly id: string; readonly disabled: boolean; readonly definition: { readonly auth?: string } }[]
    >
  }
}

const METHODS = ['stats', 'rotateKeys', 'sweep', 'diagnose'] as const

/** Of an app that is ready; null when the plugin is not registered in this scope. */
export function connectionsOf(app: BootableApp): BootedConnections | null {
  const found: unknown = Reflect.get(app, 'mcpConnections')
  return hasMethods(found, METHODS) ? (found as unknown as BootedConnections) : null
}
