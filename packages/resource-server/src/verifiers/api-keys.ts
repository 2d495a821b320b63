/** API keys of the app, on the same endpoints as OAuth. Only their digests are looked up. */
import {
  type Clock,
  ConfigurationError,
  digest,
  equalInConstantTime,
  OAuthError,
  randomSecret,
  systemClock
} from '@fastify-mcp-auth/core'
import type { VerificationContext, VerifiedToken, Verifier } from '../types.ts'
import { ask, type OpaqueToken, toVerifiedToken } from './opaque.ts'

/** A key as the app keeps it. */
export interface ApiKey extends Omit<OpaqueToken, 'audience'> {
  /** SHA-256 of the whole key, base64url; see {@link createApiKey}. */
  readonly digest: string
}

/** What `apiKeys()` takes. */
export interface ApiKeysOptions {
  /** How every key begins, for example `acme_`: at least 3 letters, digits or underscores, so that keys are recognised, also by scanners. */
  readonly prefix: string
  /** Finds a key by its digest; null when there is none. A key without a `digest` of that kind is an error of the app: 500, and in the log. */
  readonly find: (digest: string, context: VerificationContext) => ApiKey | null | Promise<ApiKey | null>
  /** Time source, for tests. */
  readonly clock?: Clock
}

/** Characters after the prefix that 128 bits need. */
const MIN_SECRET = 22

/** 256 bits in base64url. */
const DIGEST = /^[A-Za-z0-9_-]{43}$/

/**
 * Keys that begin with `prefix`, for this resource only. They have scopes of their own and may end.
 *
 * @throws ConfigurationError naming the option
 */
export function apiKeys({ prefix, find, clock = systemClock }: ApiKeysOptions): Verifier {
  if (typeof prefix !== 'string' || !/^[A-Za-z0-9_-]{3,64}$/.test(prefix))
    throw wrong('"prefix" must be 3 to 64 letters, digits, - or _')
  if (typeof find !== 'function') throw wrong('"find" must be a function')
  return Object.freeze({
    issuers: Object.freeze([]),
    accepts: (token: string) => token.startsWith(prefix),
    async verify(token: string, context: VerificationContext): Promise<VerifiedToken> {
      // A digest protects only what cannot be guessed.
      if (!token.startsWith(prefix) || token.length < prefix.length + MIN_SECRET) throw unknown()
      const wanted = digest(token)
      const found = await ask(() => find(wanted, context), 'apiKeys')
      if (!found) throw unknown()
      // A database may compare without case.
      if (!equalInConstantTime(digestOf(found), wanted)) throw unknown()
      return toVerifiedToken({ ...found, audience: context.resource }, { clock, issuer: context.resource })
    }
  })
}

/**
 * A new key of 256 random bits. Show `key` once, keep `digest`.
 *
 * @throws ConfigurationError for a prefix that {@link apiKeys} would not take
 */
export function createApiKey(prefix: string): { readonly key: string; readonly digest: string } {
  apiKeys({ prefix, find: () => null })
  const key = `${prefix}${randomSecret()}`
  return { key, digest: digest(key) }
}

// A row without it is a mistake of the app that no key can mend: as a verdict about the token it would lock everybody out without a word.
function digestOf({ digest }: { readonly digest?: unknown }): string {
  if (typeof digest === 'string' && DIGEST.test(digest)) return digest
  throw new TypeError(
    'apiKeys: "find" must return null, or one key with its "digest": SHA-256 in base64url without padding, as createApiKey() gives it'
  )
}

function unknown(): OAuthError {
  return new OAuthError('invalid_token', 'the API key is not known', { reason: 'unknown_token' })
}

function wrong(what: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `apiKeys: option ${what}`)
}
