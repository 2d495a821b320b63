export type {
  AuthorizationServer,
  AuthorizationServerEvent,
  AuthorizationServerEvents,
  AuthorizationServerEventType,
  GrantSummary,
  SigningKeySummary,
  SplitStorage
} from '@fastify-mcp-auth/core'
export type { ClientInformation, ClientSource } from './clients/client-source.ts'
export {
  fromOAuthServerProvider,
  type OAuthRegisteredClientsStore,
  type OAuthServerProvider
} from './clients/oauth-server-provider.ts'
export { EVENTS_CHANNEL, type EventSink } from './events.ts'
export type {
  AuthorizationServerOptions,
  ClientOptions,
  JwtBearerOptions,
  OpenIdOptions,
  ResourceOptions,
  ScopeOptions
} from './options.ts'
export { default } from './plugin.ts'
export { collections } from './records.ts'
export type {
  AssertedPerson,
  AssertedUser,
  ClaimsContext,
  CurrentUser,
  ExternalSigner,
  LoginTarget,
  Organization,
  PropsContext,
  ScopesContext,
  UserAdapter
} from './types.ts'
