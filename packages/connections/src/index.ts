export { createConnections } from './connections.ts'
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
export { COLLECTIONS } from './records.ts'
export type * from './types.ts'
