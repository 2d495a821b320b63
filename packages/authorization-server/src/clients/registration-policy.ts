/**
 * Turns what a client sends to the registration endpoint into metadata that we can stand by: substitutes what we do not
 * support, drops what we cannot accept if something remains, and says so by echoing what was kept.
 *
 * @see RFC 7591 sections 2 and 3.2.1
 */
import { ClientMetadata, isOAuthError, OAuthError, UnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import { Compile } from 'typebox/compile'
import { JWT_BEARER } from '../assertions/trusted-issuers.ts'
import type { ServerContext } from '../context.ts'
import { DEVICE_CODE } from '../grants/device-code.ts'
import { endsSessions } from '../openid/sign-out.ts'
import { type ClientAuthMethod, DEFAULT_GRANT_TYPES, isAuthMethod } from './client.ts'
import { readKeySource } from './client-keys.ts'
import { CLIENT_CREDENTIALS } from './own-access.ts'
import { presentableMetadata } from './presentable-metadata.ts'
import { acceptableRedirectUris, postLogoutMember } from './redirect-uris.ts'

const clientMetadata = Compile(ClientMetadata)

/** What is kept of a registration: every list present, no nulls. */
export type RegisteredMetadata = ClientMetadata & {
  redirect_uris: string[]
  grant_types: string[]
  response_types: string[]
  token_endpoint_auth_method: ClientAuthMethod
}

/**
 * What a stranger sent, by our rules and then by the app's.
 *
 * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri`, or what the app's policy says
 * @throws UnavailableError when the app's policy fails
 */
export async function acceptRegistration(
  server: ServerContext,
  { body, clientId, request }: { body: unknown; clientId: string | null; request: FastifyRequest }
): Promise<RegisteredMetadata> {
  const metadata = acceptMetadata(server, body)
  const { dynamicRegistration } = server.options
  const policy = dynamicRegistration ? dynamicRegistration.policy : undefined
  if (!policy) return metadata
  let changed: ClientMetadata | null
  try {
    changed = (await policy({ metadata: structuredClone(metadata), clientId, request })) ?? null
  } catch (error) {
    if (isOAuthError(error)) throw error
    throw new UnavailableError('option "dynamicRegistration.policy" failed', { cause: error })
  }
  // The app's word counts, but not past the rules that keep people safe.
  return changed ? acceptMetadata(server, changed) : metadata
}

/**
 * @param own whether the operator gives it access of its own; what a client says about that is dropped otherwise
 * @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri`
 */
export function acceptMetadata(server: ServerContext, body: unknown, own = false): RegisteredMetadata {
  const given = withoutNulls(body)
  if (!clientMetadata.Check(given)) throw unacceptable(given)
  const { jwks, jwks_uri, token_endpoint_auth_signing_alg, token_endpoint_auth_methods_supported, ...others } =
    presentableMetadata(given)
  const { post_logout_redirect_uris: afterwards, ...known } = others
  const method = acceptAuthMethod(given)
  const grantTypes = acceptGrantTypes(server, known.grant_types, own)
  const usesBrowser = grantTypes.includes('authorization_code')
  return {
    ...known,
    // Without an address to send anybody to there is nothing to check, and nothing to send anybody with.
    redirect_uris: usesBrowser
      ? acceptableRedirectUris(known.redirect_uris ?? [], server.options.privateUseRedirectUris)
      : [],
    // Where nobody is signed out, nobody is sent there: it is not echoed.
    ...(endsSessions(server) ? postLogoutMember(afterwards, server.options.privateUseRedirectUris) : {}),
    grant_types: grantTypes,
    response_types: usesBrowser ? acceptResponseTypes(known.response_types) : [],
    token_endpoint_auth_method: method,
    ...(method === 'private_key_jwt' ? keyMembers({ jwks, jwks_uri, token_endpoint_auth_signing_alg }) : {})
  }
}

// Some clients send null or an empty string where they mean "not set". A client without a browser was told that it has no redirect URIs, and
// says so when it replaces its registration (RFC 7592 section 2.2).
function withoutNulls(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new OAuthError('invalid_client_metadata', 'the body must be a JSON object')
  }
  const isSet = ([name, value]: [string, unknown]): boolean =>
    value !== null && value !== '' && !(name === 'redirect_uris' && Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(body).filter(isSet))
}

function unacceptable(given: Record<string, unknown>): OAuthError {
  const member = clientMetadata.Errors(given)[0]?.instancePath.split('/')[1]
  const why = member === undefined ? 'the metadata is not acceptable' : `${member} has the wrong type or size`
  return new OAuthError(member === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata', why)
}

/** What a person says yes to, or who may speak for them. */
const PERSONAL: readonly string[] = ['authorization_code', DEVICE_CODE, JWT_BEARER]

function acceptGrantTypes(
  server: ServerContext,
  grantTypes: readonly string[] = DEFAULT_GRANT_TYPES,
  own: boolean
): string[] {
  const kept = [...new Set(grantTypes)].filter(
    grantType => server.grants.has(grantType) && (own || grantType !== CLIENT_CREDENTIALS)
  )
  if (own && kept.includes(CLIENT_CREDENTIALS)) return kept
  if (own) throw new OAuthError('invalid_client_metadata', `grant_types needs ${CLIENT_CREDENTIALS}`)
  if (!kept.some(grantType => PERSONAL.includes(grantType)))
    throw new OAuthError(
      'invalid_client_metadata',
      `grant_types needs ${PERSONAL.filter(one => server.grants.has(one)).join(' or ')}`
    )
  return kept
}

function acceptResponseTypes(responseTypes: readonly string[] = ['code']): string[] {
  if (!responseTypes.includes('code')) throw new OAuthError('invalid_client_metadata', 'response_types needs code')
  return ['code']
}

/**
 * The method that the client prefers, else one that it can use too, else the default of RFC 7591 section 2; the answer says which.
 * A key without a place to find it is none.
 */
function acceptAuthMethod(metadata: ClientMetadata): ClientAuthMethod {
  const { token_endpoint_auth_method: preferred, token_endpoint_auth_methods_supported: others = [] } = metadata
  const hasKeys = metadata.jwks !== undefined || metadata.jwks_uri !== undefined
  const usable = [preferred ?? 'client_secret_basic', ...others].filter(
    method => method !== 'private_key_jwt' || hasKeys
  )
  return usable.find(isAuthMethod) ?? 'client_secret_basic'
}

type KeyMembers = Pick<ClientMetadata, 'jwks' | 'jwks_uri' | 'token_endpoint_auth_signing_alg'>

// Keys that nothing will be checked with are not kept.
function keyMembers(members: { [K in keyof KeyMembers]: KeyMembers[K] | undefined }): KeyMembers {
  const given = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as KeyMembers
  readKeySource(given)
  return given
}
