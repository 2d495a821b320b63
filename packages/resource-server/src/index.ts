export { MAX_TOKEN_LENGTH } from './bearer-token.ts'
export type { ResourceServerOptions } from './options.ts'
export { default, REQUIRED_SCOPES } from './plugin.ts'
export type {
  AuthHook,
  AuthInfo,
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
