/** What a route has to show, before it is words: the JSON answer of the route, and what its page is made from. */
import type { ConnectionStats, ConnectionSummary, ProbeReport } from '../types.ts'
import type { ServersData } from './admin-pages.ts'
import type { PreviewData } from './admin-review-pages.ts'
import type { ConnectData, ConnectionData, FailureData } from './person-pages.ts'
import type { RegisteredServerView } from './registered-server.ts'

/** `page` names the template. */
export type PageView =
  | { readonly page: 'index'; readonly data: { readonly connections: readonly ConnectionSummary[] } }
  | { readonly page: 'badge'; readonly data: { readonly connection: ConnectionSummary } }
  | { readonly page: 'connect'; readonly data: ConnectData }
  | {
      readonly page: 'connection'
      readonly data: ConnectionData
    }
  | { readonly page: 'leave'; readonly data: { readonly url: string } }
  | { readonly page: 'error'; readonly data: FailureData }
  | {
      readonly page: 'dashboard'
      readonly data: ServersData & { readonly stats: ConnectionStats; readonly expiring: readonly ConnectionSummary[] }
    }
  | { readonly page: 'servers'; readonly data: ServersData }
  | { readonly page: 'server'; readonly data: { readonly server: RegisteredServerView | null } }
  | { readonly page: 'doctor'; readonly data: { readonly server: string; readonly report: ProbeReport } }
  | { readonly page: 'preview'; readonly data: PreviewData }
  | { readonly page: 'issuers'; readonly data: { readonly blocked: readonly string[] } }
