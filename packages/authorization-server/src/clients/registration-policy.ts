/**
 * Turns what a client sends to the registration endpoint into metadata that we can stand by: substitutes what we do not
 * support, drops what we cannot accept if something remains, and says so by echoing what was kept.
 *
 * @see RFC 7591 sections 2 and 3.2.1
 */
import { ClientMetadata, OAuthError } from '@fastify-mcp-auth/core'
import { Compile } from 'typebox/compile'
import type { ServerContext } from '../context.ts'
import { CLIENT_AUTH_METHODS, type ClientAuthMethod, DEFAULT_GRANT_TYPES } from './client.ts'
import { presentableMetadata } from './presentable-metadata.ts'
import { acceptableRedirectUris } from './redirect-uris.ts'

const clientMetadata = Compile(ClientMetadata)

/** What is kept of a registration: every list present, no nulls. */
export type RegisteredMetadata = ClientMetadata & {
  redirect_uris: string[]
  grant_types: string[]
  response_types: string[]
  token_endpoint_auth_method: ClientAuthMethod
}

/** @throws OAuthError `invalid_client_metadata` or `invalid_redirect_uri` */
export function acceptMetadata(server: ServerContext, body: unknown): RegisteredMetadata {
  const given = withoutNulls(body)
  if (!clientMetadata.Check(given)) throw new OAuthError('invalid_client_metadata', firstError(given))
  const known = presentableMetadata(given)
  return {
    ...known,
    redirect_uris: acceptableRedirectUris(known.redirect_uris ?? [], server.options.privateUseRedirectUris),
    grant_types: acceptGrantTypes(server, known.grant_types),
    response_types: acceptResponseTypes(known.response_types),
    token_endpoint_auth_method: acceptAuthMethod(known.token_endpoint_auth_method)
  }
}

// Some clients send null or an empty string where they mean "not set".
function withoutNulls(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new OAuthError('invalid_client_metadata', 'the body must be a JSON object')
  }
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== ''))
}

function firstError(given: Record<string, unknown>): string {
  const member = clientMetadata.Errors(given)[0]?.instancePath.split('/')[1]
  return member === undefined ? 'the metadata is not acceptable' : `${member} has the wrong type or size`
}

function acceptGrantTypes(server: ServerContext, grantTypes: readonly string[] = DEFAULT_GRANT_TYPES): string[] {
  const kept = [...new Set(grantTypes)].filter(grantType => server.grants.has(grantType))
  if (!kept.includes('authorization_code'))
    throw new OAuthError('invalid_client_metadata', 'grant_types needs authorization_code')
  return kept
}

function acceptResponseTypes(responseTypes: readonly string[] = ['code']): string[] {
  if (!responseTypes.includes('code')) throw new OAuthError('invalid_client_metadata', 'response_types needs code')
  return ['code']
}

// RFC 7591 section 2: the default is client_secret_basic. A method that we do not know is replaced by it, and the answer says so.
function acceptAuthMethod(method: string | undefined): ClientAuthMethod {
  return CLIENT_AUTH_METHODS.find(known => known === method) ?? 'client_secret_basic'
}
