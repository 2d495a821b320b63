/** What every part of the package is handed: nothing captures, nothing is global. */
import type { Clock, EventLog, KeyRing } from '@fastify-mcp-auth/core'
import type { BlockedIssuers } from './blocked-issuers.ts'
import type { ClientKeys } from './client-keys.ts'
import type { Discoveries } from './discoveries.ts'
import type { DpopSessions } from './dpop.ts'
import type { Eras } from './eras.ts'
import type { Events } from './events.ts'
import type { Watch } from './lease.ts'
import type { Network, Route } from './network.ts'
import type { ResolvedOptions, ServerDefinition } from './options.ts'
import { type Place, placeOf } from './owner.ts'
import type { Records } from './records.ts'
import type { Refresher } from './refresh.ts'
import type { Registry } from './registry.ts'
import type { Telemetry } from './telemetry.ts'
import type { Usable } from './token.ts'
import type { AccountChoice, ConnectionUrls, Owner, RegisteredServer } from './types.ts'

export interface Context {
  readonly options: ResolvedOptions
  readonly records: Records
  readonly ring: KeyRing
  readonly clock: Clock
  /** Seconds since any moment, by what never goes back: how long something took, and not when it was. */
  readonly elapsed: () => number
  /** Times that other processes have begun. */
  readonly watch: Watch
  readonly log: EventLog
  readonly events: Events
  readonly telemetry: Telemetry
  readonly network: Network
  readonly registry: Registry
  readonly discoveries: Discoveries
  readonly blockedIssuers: BlockedIssuers
  readonly clientKeys: ClientKeys
  readonly dpopSession: DpopSessions
  readonly eras: Eras
  /** Aborted by `close`: nobody waits for other processes any more. */
  readonly closing: AbortController
  /** What goes on after the caller was answered; `close` waits for it. */
  readonly background: Set<Promise<unknown>>
  /** Refreshes of this process that are under way, by connection. */
  readonly refreshes: Map<string, Promise<Usable>>
  /** How tokens are refreshed. */
  readonly refresher: Refresher
  readonly urls: ConnectionUrls
  /** Random: this process, as the holder of leases. */
  readonly holder: string
}

/** One connection that is going to be used: the server, whose it is, and how it is reached. */
export interface Target {
  readonly server: RegisteredServer
  readonly definition: ServerDefinition
  readonly place: Place
}

/** The same of nobody yet. */
export type ServerTarget = Pick<Target, 'server' | 'definition'>

/**
 * @throws McpConnectionError `MCP_UNKNOWN_SERVER`, `MCP_SERVER_DISABLED` (unless `evenDisabled`), `MCP_OWNER_REQUIRED`
 */
export async function targetOf(
  context: Context,
  owner: Owner | null,
  id: string,
  { account, evenDisabled = false }: AccountChoice & { readonly evenDisabled?: boolean } = {}
): Promise<Target> {
  const server = evenDisabled ? await context.registry.get(id) : await context.registry.usable(id)
  return { server, definition: server.definition, place: placeOf({ owner, server: id, account }, server.definition) }
}

/** @throws McpConnectionError `MCP_URL_BLOCKED` */
export function routeOf({ network }: Context, { server, definition }: ServerTarget): Route {
  return network.routeTo(definition, server.id)
}

/** Where the person sees a connection and its tools. */
export function detailUrlOf({ urls }: Pick<Context, 'urls'>, { id, owner }: Pick<Place, 'id' | 'owner'>): string {
  const url = new URL(`${urls.index}/${id}`)
  const agent = agentIdOf(owner)
  if (agent !== undefined) url.searchParams.set('agent', agent)
  return url.href
}

function agentIdOf(owner: Place['owner']): string | undefined {
  return owner?.type === 'agent' ? owner.id : owner?.agent
}

/** Where the person goes to mend a connection: with the agent, where it is one of an agent, or it would be nobody's there. */
export function actionUrlOf(
  { urls }: Context,
  { server, account, owner }: Pick<Place, 'server' | 'account' | 'owner'>
): string {
  const agent = agentIdOf(owner)
  return urls.connect(server, {
    ...(account === 'default' ? {} : { account }),
    ...(agent === undefined ? {} : { agent })
  })
}
