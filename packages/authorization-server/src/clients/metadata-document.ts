/**
 * Client ID metadata documents: a client_id that is the https URL of its own metadata. Public clients.
 *
 * @see draft-ietf-oauth-client-id-metadata-document-00 sections 3 and 4
 */
import {
  ClientMetadata,
  type Clock,
  isUnavailableError,
  OAuthError,
  type SafeFetch,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'
import { Compile } from 'typebox/compile'
import { type Client, clientFromMetadata } from './client.ts'
import { presentableMetadata } from './presentable-metadata.ts'
import { acceptableRedirectUris } from './redirect-uris.ts'

const isClientMetadata = Compile(ClientMetadata)

const CACHE_ENTRIES = 500
/** Seconds a document is kept when its headers say nothing, and at most. */
const DEFAULT_TTL = 300
const MAX_TTL = 86_400

/** What fits into an index of every database that we know; real ones have less than 100 characters. */
const MAX_ID_LENGTH = 512

/** https, a path, and nothing that would make two spellings of one place: no user, fragment, dot segment. */
export function isMetadataDocumentId(clientId: string): boolean {
  if (!clientId.startsWith('https://') || clientId.length > MAX_ID_LENGTH) return false
  const url = URL.parse(clientId)
  return (
    url !== null &&
    url.href === clientId &&
    url.pathname !== '/' &&
    !url.username &&
    !url.password &&
    !/[#\\]/.test(clientId)
  )
}

/**
 * @returns looks a document up: from the cache within what its headers allow, else by one fetch that parallel requests share.
 *   It throws OAuthError `invalid_client_metadata` for a document that is not acceptable and UnavailableError when its host does
 *   not answer; neither is cached.
 */
export function createDocuments(options: {
  fetch: SafeFetch
  clock: Clock
  privateUseRedirectUris: readonly string[]
}): (clientId: string) => Promise<Client> {
  const cache = new LRUCache<string, { client: Client; expiresAt: number }>({ max: CACHE_ENTRIES })
  const pending = new Map<string, Promise<Client>>()

  async function load(clientId: string): Promise<Client> {
    const response = await options.fetch(clientId, { headers: { accept: 'application/json' } })
    // Its host is in trouble: that says nothing about the client.
    if (response.status === 429 || response.status >= 500)
      throw new UnavailableError(`the metadata document answers with status ${response.status}`)
    if (response.status !== 200) throw refused(`the document answers with status ${response.status}`)
    const client = readDocument(clientId, response.body, options.privateUseRedirectUris)
    const ttl = timeToLive(response.headers['cache-control'])
    if (ttl > 0) cache.set(clientId, { client, expiresAt: options.clock.now() + ttl })
    return client
  }

  return async clientId => {
    const cached = cache.get(clientId)
    if (cached && cached.expiresAt > options.clock.now()) return cached.client
    const running = pending.get(clientId)
    if (running) return running
    const fetching = load(clientId)
      .catch((error: unknown) => {
        if (error instanceof OAuthError || isUnavailableError(error)) throw error
        throw refused('the document cannot be fetched', error)
      })
      .finally(() => pending.delete(clientId))
    pending.set(clientId, fetching)
    return fetching
  }
}

function refused(why: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_client_metadata', `client metadata document: ${why}`, {
    reason: 'metadata_document',
    cause
  })
}

function readDocument(clientId: string, body: Buffer, privateUseRedirectUris: readonly string[]): Client {
  let document: unknown
  try {
    document = JSON.parse(body.toString('utf8'))
  } catch {
    throw refused('is not JSON')
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw refused('is not an object')
  if (!('client_id' in document) || document.client_id !== clientId) throw refused('client_id is not its own URL')
  if ('client_secret' in document) throw refused('a published document cannot hold a secret')
  if (!isClientMetadata.Check(document)) throw refused('a member has the wrong type or size')
  const metadata = presentableMetadata(document)
  if (!metadata.client_name) throw refused('client_name is missing')
  if (!document.redirect_uris) throw refused('redirect_uris is missing')
  const redirect_uris = acceptableRedirectUris(document.redirect_uris, privateUseRedirectUris)
  if (!isPublic(document)) throw refused('token_endpoint_auth_method is not supported here')
  return clientFromMetadata(
    clientId,
    { ...metadata, redirect_uris },
    { authMethod: 'none', secretDigest: null, verifiedHost: new URL(clientId).host }
  )
}

// A document that prefers a key but can also do without one lists both (RP metadata choices).
function isPublic(document: ClientMetadata & { token_endpoint_auth_methods_supported?: unknown }): boolean {
  const method = document.token_endpoint_auth_method ?? 'none'
  const choices = document.token_endpoint_auth_methods_supported
  return method === 'none' || (Array.isArray(choices) && choices.includes('none'))
}

/** @see RFC 9111 section 5.2.2 */
function timeToLive(cacheControl: string | undefined): number {
  if (cacheControl === undefined) return DEFAULT_TTL
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return 0
  const maxAge = /\bmax-age="?(\d{1,9})/i.exec(cacheControl)?.[1]
  return maxAge === undefined ? DEFAULT_TTL : Math.min(Number(maxAge), MAX_TTL)
}
