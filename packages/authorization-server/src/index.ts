export type { AuthorizationServer, AuthorizationServerEvents, GrantSummary } from '@fastify-mcp-auth/core'
export type { AuthorizationServerOptions, ResourceOptions, ScopeOptions } from './options.ts'
export { default } from './plugin.ts'
export type { UserAdapter } from './types.ts'
