/** Who we are to one authorization server, and how a request to it says so. @see RFC 6749 section 2.3, RFC 7523 section 2.2 */
import type { AuthorizationServerMetadata } from '@fastify-mcp-auth/core'
import type { ClientKeys, OwnPrivateKey } from './client-keys.ts'

export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret: string | null
  /** Signs in place of our client keys; only of a preregistered one. */
  readonly privateKey?: OwnPrivateKey | undefined
  readonly authMethod: ClientAuthMethod
  readonly source: 'preregistered' | 'metadata_document' | 'dynamic'
  /** Key of the stored registration of a dynamic one. */
  readonly registration: string | null
}

/** A request that is going to be sent to an endpoint of an authorization server. */
export interface OutgoingForm {
  readonly form: URLSearchParams
  readonly headers: Record<string, string>
}

/**
 * Adds what proves who we are.
 *
 * @param audience of an assertion: the issuer. @see draft-ietf-oauth-rfc7523bis section 4
 * @returns false when nothing that we have is taken there
 */
export async function authenticate(
  { form, headers }: OutgoingForm,
  client: OAuthClient,
  { audience, keys, metadata }: { audience: string; keys: ClientKeys; metadata: AuthorizationServerMetadata }
): Promise<boolean> {
  const { clientId, clientSecret, privateKey, authMethod } = client
  if (authMethod === 'client_secret_basic' && clientSecret !== null) {
    // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
    headers['authorization'] = `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`
    return true
  }
  form.set('client_id', clientId)
  if (authMethod === 'client_secret_post' && clientSecret !== null) form.set('client_secret', clientSecret)
  if (authMethod !== 'private_key_jwt') return true
  form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  const algorithms = metadata.token_endpoint_auth_signing_alg_values_supported
  const assertion = await keys.assertion({ clientId, audience, algorithms, privateKey })
  if (assertion === null) return false
  form.set('client_assertion', assertion)
  return true
}

function formEncoded(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2)
}

/** The best of our methods that the server takes. What it does not say is what RFC 8414 says for it: Basic. */
export function chooseMethod(
  supported: readonly string[] | undefined,
  possible: readonly ClientAuthMethod[]
): ClientAuthMethod | null {
  const offered = supported ?? ['client_secret_basic', 'client_secret_post', 'none']
  return possible.find(method => offered.includes(method)) ?? null
}
