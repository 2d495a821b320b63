export { MAX_TOKEN_LENGTH } from './bearer-token.ts'
export {
  EVENTS_CHANNEL,
  type EventCaller,
  type McpAuthEvent,
  type McpAuthEventOf,
  type McpAuthEventType
} from './events.ts'
export type { ObtainableScopes, ResourceServerOptions } from './options.ts'
export { default, REQUIRED_SCOPES } from './plugin.ts'
export type {
  AuthHook,
  AuthInfo,
  Health,
  McpAuth,
  Principal,
  RouteAuth,
  VerificationContext,
  VerifiedToken,
  Verifier,
  VerifierEvent,
  VerifierHealth
} from './types.ts'
export { type JwtOptions, jwt } from './verifiers/jwt.ts'
export { local } from './verifiers/local.ts'
