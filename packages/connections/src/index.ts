export { createConnections } from './connections.ts'
export type { McpConnectionsDecorator, RequiredClient } from './decorators.ts'
export * from './errors.ts'
export type { Subject } from './events.ts'
export { CONNECTIONS_CHANNEL } from './events.ts'
export type {
  AssertionContext,
  AssertionSource,
  ConnectionsOptions,
  OAuthOptions,
  ScopePolicy,
  ServerDefinition,
  ServerInput
} from './options.ts'
export type { ConnectionsPageModel } from './pages/model.ts'
export type { RenderPage } from './pages/pages.ts'
export { default } from './plugin.ts'
export type { AdminGuard, LoginUrl, McpConnectionsOptions, OwnerResolver } from './plugin-options.ts'
export { COLLECTIONS } from './records.ts'
export type * from './types.ts'
