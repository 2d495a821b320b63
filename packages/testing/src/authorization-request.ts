/** The authorization request of the test client, and the answer that comes back by redirect. */
import {
  type AuthorizationServerMetadata,
  codeChallengeOf,
  createCodeVerifier,
  randomSecret
} from '@fastify-mcp-auth/core'
import { type Page, summary } from './browser.ts'
import { type Bends, bend, toFormBody } from './token-request.ts'

/** An authorization request that was made and not yet answered. */
export interface StartedAuthorization {
  /** What the browser has to open. */
  readonly url: string
  readonly state: string
  readonly codeVerifier: string
  /** The `redirect_uri` parameter. */
  readonly redirectUri: string
  readonly issuer: string
}

/** Either `code` or `error` is there. */
export interface AuthorizationAnswer {
  readonly code: string | null
  readonly error: string | null
  readonly parameters: URLSearchParams
  readonly codeVerifier: string
  readonly redirectUri: string
}

/** @param parameters added to, or put in the place of, what a client always sends; null leaves one out */
export function startAuthorization(server: AuthorizationServerMetadata, parameters: Bends): StartedAuthorization {
  const codeVerifier = createCodeVerifier()
  const state = randomSecret(16)
  const sent = bend(
    { response_type: 'code', state, code_challenge: codeChallengeOf(codeVerifier), code_challenge_method: 'S256' },
    parameters
  )
  const { authorization_endpoint: endpoint, issuer } = server
  if (endpoint === undefined) throw new Error('the authorization server has no authorization endpoint')
  const url = `${endpoint}${endpoint.includes('?') ? '&' : '?'}${toFormBody(sent)}`
  const redirectUri = typeof sent['redirect_uri'] === 'string' ? sent['redirect_uri'] : ''
  return { url, state: typeof sent['state'] === 'string' ? sent['state'] : '', codeVerifier, redirectUri, issuer }
}

/**
 * Reads where the browser was sent, as strictly as a client has to.
 *
 * @throws Error when the page is no redirect to the redirect URI, or `state` or `iss` is not the expected one
 * @see RFC 6749 section 4.1.2, RFC 9207 section 2.4
 */
export function readAnswer(page: Page, started: StartedAuthorization): AuthorizationAnswer {
  if (page.leavesTo === null) throw new Error(`the browser was not sent back to the client: ${summary(page)}`)
  const url = new URL(page.leavesTo)
  const wanted = new URL(started.redirectUri)
  if (url.origin !== wanted.origin || url.pathname !== wanted.pathname)
    throw new Error(`the browser was sent to ${url.origin}${url.pathname} instead of ${started.redirectUri}`)
  const parameters = url.searchParams
  if ((parameters.get('state') ?? '') !== started.state) throw new Error('the answer has another state')
  if (parameters.get('iss') !== started.issuer) throw new Error('the answer does not name the issuer')
  return {
    code: parameters.get('code'),
    error: parameters.get('error'),
    parameters,
    codeVerifier: started.codeVerifier,
    redirectUri: started.redirectUri
  }
}
