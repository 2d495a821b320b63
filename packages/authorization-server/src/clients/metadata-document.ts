/**
 * Client ID metadata documents: a client_id that is the https URL of its own metadata. What is acceptable as such a URL, and as
 * such a document.
 *
 * @see draft-ietf-oauth-client-id-metadata-document-00 sections 3 and 4, as MCP profiles it; the stricter rules of later
 *   versions where they differ: a JSON media type, no empty query, no secrets in any form
 */
import { ClientMetadata, OAuthError, type SafeResponse } from '@fastify-mcp-auth/core'
import { Compile } from 'typebox/compile'
import { type Client, type ClientAuthMethod, clientFromMetadata } from './client.ts'
import { readKeySource } from './client-keys.ts'
import { presentableMetadata } from './presentable-metadata.ts'
import { acceptableRedirectUris, postLogoutMember } from './redirect-uris.ts'

const isClientMetadata = Compile(ClientMetadata)

/** What fits into an index of every database that we know; real ones have less than 100 characters. */
const MAX_ID_LENGTH = 512

/** Bytes. The draft recommends to read 5 kilobytes; keys in the document itself can be larger than that. */
const MAX_DOCUMENT_LENGTH = 32_768

/** https, a path, and nothing that would make two spellings of one place: no user, fragment, dot segment, empty query. */
export function isMetadataDocumentId(clientId: string): boolean {
  if (!clientId.startsWith('https://') || clientId.length > MAX_ID_LENGTH) return false
  const url = URL.parse(clientId)
  return (
    url !== null &&
    url.href === clientId &&
    url.pathname !== '/' &&
    !url.username &&
    !url.password &&
    !/[#\\]|\?$/.test(clientId)
  )
}

/**
 * @returns what is kept of the document
 * @throws OAuthError `invalid_client_metadata` when it is not acceptable
 */
export function readDocument(
  clientId: string,
  response: SafeResponse,
  privateUseRedirectUris: readonly string[]
): ClientMetadata {
  const document = parse(response)
  if (document['client_id'] !== clientId) throw refused('client_id is not its own URL')
  if ('client_secret' in document || 'client_secret_expires_at' in document)
    throw refused('a published document cannot hold a secret')
  if (!isClientMetadata.Check(document)) throw refused('a member has the wrong type or size')
  const { post_logout_redirect_uris: afterwards, ...metadata } = presentableMetadata(document)
  if (!metadata.client_name) throw refused('client_name is missing')
  if (!metadata.redirect_uris) throw refused('redirect_uris is missing')
  if (methodsOfDocument(metadata).length === 0) throw refused('token_endpoint_auth_method is not supported here')
  return {
    ...metadata,
    redirect_uris: acceptableRedirectUris(metadata.redirect_uris, privateUseRedirectUris),
    ...postLogoutMember(afterwards, privateUseRedirectUris)
  }
}

/** @param metadata what {@link readDocument} accepted */
export function documentClient(clientId: string, metadata: ClientMetadata): Client {
  return clientFromMetadata(clientId, metadata, {
    authMethods: methodsOfDocument(metadata),
    secrets: [],
    keys: readKeySource(metadata),
    verifiedHost: new URL(clientId).host
  })
}

export function refused(why: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_client_metadata', `client metadata document: ${why}`, {
    reason: 'metadata_document',
    cause
  })
}

function parse({ status, headers, body }: SafeResponse): Record<string, unknown> {
  if (status !== 200) throw refused(`answers with status ${status}`)
  // Somebody's upload on a host of pages or files is not that host's word.
  if (!/^application\/(?:[\w.+-]+\+)?json[ \t]*(?:;|$)/i.test(headers['content-type'] ?? ''))
    throw refused('is not served as JSON')
  if (body.length > MAX_DOCUMENT_LENGTH) throw refused(`is larger than ${MAX_DOCUMENT_LENGTH} bytes`)
  let document: unknown
  try {
    document = JSON.parse(body.toString('utf8'))
  } catch {
    throw refused('is not JSON')
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw refused('is not an object')
  return document as Record<string, unknown>
}

const POSSIBLE: readonly ClientAuthMethod[] = ['none', 'private_key_jwt']

/**
 * The preferred method, and every other one that the document lists: one that prefers a key but can also do without one lists
 * both (RP metadata choices). Methods with a secret have no place in something that everybody can read.
 */
function methodsOfDocument(metadata: ClientMetadata): ClientAuthMethod[] {
  const { token_endpoint_auth_method: preferred = 'none', token_endpoint_auth_methods_supported: others = [] } =
    metadata
  const hasKeys = readKeySource(metadata) !== null
  return POSSIBLE.filter(method => [preferred, ...others].includes(method) && (method !== 'private_key_jwt' || hasKeys))
}
