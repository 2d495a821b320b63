/**
 * Public keys of clients that sign assertions: part of their metadata, or behind a URL of theirs, which only the guarded fetch
 * may open.
 *
 * @see RFC 7591 section 2 (`jwks`, `jwks_uri`), RFC 7517 section 5
 */
import {
  ASYMMETRIC_ALGORITHMS,
  addressKind,
  type ClientMetadata,
  type Clock,
  createJwksSource,
  createStaticJwks,
  digest,
  isConfigurationError,
  type JwksSource,
  OAuthError,
  type SafeFetch
} from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'

/** Where the keys of a client are, and the algorithm it promised to stay with. */
export interface KeySource {
  readonly jwks: { readonly keys: readonly object[] } | null
  readonly jwksUri: string | null
  readonly alg: string | null
}

/** Sets that are kept ready. One that was forgotten costs one fetch. */
const MAX_SETS = 500

/** Characters of an inline key set; 16 RSA keys of 4,096 bits have about 14,000. */
const MAX_JWKS_LENGTH = 20_000

/** @returns the keys of a client; sources behind the same URL are one, with one cooldown */
export function createClientKeys({
  fetch,
  clock
}: {
  fetch: SafeFetch
  clock: Clock
}): (keys: KeySource) => JwksSource {
  const sources = new LRUCache<string, JwksSource>({ max: MAX_SETS })
  return ({ jwks, jwksUri }) => {
    const name = jwksUri ?? digest(JSON.stringify(jwks))
    const known = sources.get(name)
    if (known) return known
    const source = jwksUri === null ? createStaticJwks(jwks) : createJwksSource({ uri: jwksUri, fetch, clock })
    sources.set(name, source)
    return source
  }
}

/**
 * The keys in a client's metadata.
 *
 * @returns null when there are none
 * @throws OAuthError `invalid_client_metadata` for a set with private or symmetric keys, a URL that is not https on a public host,
 *   or both at once
 */
export function readKeySource(metadata: ClientMetadata): KeySource | null {
  const { jwks, jwks_uri: jwksUri, token_endpoint_auth_signing_alg: alg = null } = metadata
  if (alg !== null && !ASYMMETRIC_ALGORITHMS.includes(alg))
    throw refused('token_endpoint_auth_signing_alg is not supported')
  if (jwks !== undefined && jwksUri !== undefined) throw refused('jwks and jwks_uri exclude each other')
  if (jwksUri !== undefined) {
    assertJwksUri(jwksUri)
    return { jwks: null, jwksUri, alg }
  }
  if (jwks === undefined) return null
  if (JSON.stringify(jwks).length > MAX_JWKS_LENGTH) throw refused('jwks is too large')
  try {
    createStaticJwks(jwks)
  } catch (error) {
    if (!isConfigurationError(error)) throw error
    throw refused('jwks needs public keys, without private or symmetric ones and without duplicates')
  }
  return { jwks, jwksUri: null, alg }
}

// What the guarded fetch would refuse anyway; said here while the client can still read it.
function assertJwksUri(jwksUri: string): void {
  const url = URL.parse(jwksUri)
  if (url?.protocol !== 'https:' || url.username || url.password || jwksUri.includes('#'))
    throw refused('jwks_uri must be an https URL without user information and fragment')
  const literal = /^\[(.*)\]$/.exec(url.hostname)?.[1] ?? (/^[0-9.]+$/.test(url.hostname) ? url.hostname : null)
  if (url.hostname === 'localhost' || (literal !== null && addressKind(literal) !== 'public'))
    throw refused('jwks_uri must be on a public host')
}

function refused(why: string): OAuthError {
  return new OAuthError('invalid_client_metadata', why, { reason: 'client_keys' })
}
