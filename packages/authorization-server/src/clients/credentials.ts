/**
 * Reads how a client says who it is: exactly one way per request.
 *
 * @see RFC 6749 section 2.3, RFC 7521 section 4.2
 */
import { OAuthError } from '@fastify-mcp-auth/core'
import type { Form } from '../form-body.ts'
import type { ClientAuthMethod } from './client.ts'
import { ASSERTION_TYPE, claimedClientId } from './client-assertion.ts'

export interface Credentials {
  readonly method: ClientAuthMethod
  readonly clientId: string
  /** A secret or an assertion; empty for `none`. */
  readonly proof: string
}

/**
 * @throws OAuthError `invalid_request` when two ways are used at once or contradict each other
 * @throws OAuthError `invalid_client` when nobody is named, or the one way is malformed
 */
export function readCredentials(authorization: string | undefined, form: Form): Credentials {
  const isBasic = authorization !== undefined
  const isPosted = form.client_secret !== undefined
  const isSigned = form.client_assertion !== undefined || form.client_assertion_type !== undefined
  if (Number(isBasic) + Number(isPosted) + Number(isSigned) > 1)
    throw new OAuthError('invalid_request', 'more than one way of client authentication', { reason: 'two_methods' })
  const credentials = isBasic ? readBasic(authorization) : isSigned ? readAssertion(form) : readBody(form)
  if (form.client_id !== undefined && form.client_id !== credentials.clientId)
    throw new OAuthError('invalid_request', 'client_id differs from the client that authenticates', {
      reason: 'two_clients'
    })
  return credentials
}

function malformed(): OAuthError {
  return new OAuthError('invalid_client', 'client is unknown or not authenticated', {
    reason: 'malformed_authorization'
  })
}

function namedClient(form: Form): string {
  if (form.client_id === undefined)
    throw new OAuthError('invalid_client', 'client_id is missing', { reason: 'no_client' })
  return form.client_id
}

function readBody(form: Form): Credentials {
  const { client_secret: secret } = form
  const clientId = namedClient(form)
  return secret === undefined
    ? { method: 'none', clientId, proof: '' }
    : { method: 'client_secret_post', clientId, proof: secret }
}

function readAssertion({ client_assertion: assertion, client_assertion_type: type }: Form): Credentials {
  if (assertion === undefined || type === undefined)
    throw new OAuthError('invalid_request', 'client_assertion and client_assertion_type belong together')
  if (type !== ASSERTION_TYPE)
    throw new OAuthError('invalid_client', 'client_assertion_type is not supported', { reason: 'assertion_type' })
  return { method: 'private_key_jwt', clientId: claimedClientId(assertion), proof: assertion }
}

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i

// Strict: both halves are form-encoded before base64 (RFC 6749 section 2.3.1), and nothing is guessed.
function readBasic(authorization: string): Credentials {
  const encoded = BASIC.exec(authorization)?.[1] ?? ''
  const bytes = Buffer.from(encoded, 'base64')
  // One text, one spelling: decoding skips stray bits without a word. Padding is left out by some clients.
  if (bytes.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '')) throw malformed()
  try {
    const decoded = UTF8.decode(bytes)
    const colon = decoded.indexOf(':')
    if (colon < 1) throw malformed()
    return {
      method: 'client_secret_basic',
      clientId: decodeForm(decoded.slice(0, colon)),
      proof: decodeForm(decoded.slice(colon + 1))
    }
  } catch {
    throw malformed()
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// Most have nothing to decode.
const decodeForm = (value: string): string =>
  /[%+]/.test(value) ? decodeURIComponent(value.replaceAll('+', ' ')) : value
