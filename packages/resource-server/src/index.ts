export {
  EVENTS_CHANNEL,
  type EventCaller,
  type EventListener,
  type McpAuthEvent,
  type McpAuthEventOf,
  type McpAuthEventType
} from './events.ts'
export type { ObtainableScopes, ResourceServerOptions } from './options.ts'
export { default } from './plugin.ts'
export type {
  AuthHook,
  AuthInfo,
  Health,
  McpAuth,
  McpAuthClaims,
  Principal,
  RouteAuth,
  VerificationContext,
  VerifiedToken,
  Verifier,
  VerifierEvent,
  VerifierHealth
} from './types.ts'
export { type ApiKey, type ApiKeysOptions, apiKeys, createApiKey } from './verifiers/api-keys.ts'
export { chain } from './verifiers/chain.ts'
export type { IntrospectionClient } from './verifiers/client-authentication.ts'
export { type HmacOptions, hmac } from './verifiers/hmac.ts'
export { type IntrospectionOptions, introspection } from './verifiers/introspection.ts'
export { type JwtOptions, jwt } from './verifiers/jwt.ts'
export { local } from './verifiers/local.ts'
export { type OpaqueCheck, type OpaqueOptions, type OpaqueToken, opaque } from './verifiers/opaque.ts'
export type { CacheOptions } from './verifiers/token-cache.ts'
export { type AuthenticatedRequest, withAuth } from './with-auth.ts'
