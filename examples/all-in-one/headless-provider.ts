/**
 * What the official SDK clients ask of their host, with a browser that has no screen: opens the authorization URL, signs in, decides,
 * and keeps the answer for `transport.finishAuth()`. Works for the clients of both SDK generations. Keeps everything in memory.
 */
import {
  type Account,
  createBrowser,
  type Decision,
  fetchTransport,
  visitAuthorization
} from '@fastify-mcp-auth/testing'
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens
} from '@modelcontextprotocol/client'

export interface HeadlessProvider extends OAuthClientProvider {
  /** The authorization requests so far. */
  readonly requests: readonly URL[]
  /** How often tokens were saved. */
  readonly savedTokens: readonly StoredOAuthTokens[]
  /** Query of the last redirect back to the client: what `finishAuth()` wants. @throws Error before there was one */
  answer(): URLSearchParams
  /** Forgets the refresh token, or puts another token set in place. */
  replaceTokens(change: (tokens: StoredOAuthTokens) => StoredOAuthTokens): void
}

export function createHeadlessProvider(person: Account & Decision, onRequest?: (url: URL) => void): HeadlessProvider {
  const browser = createBrowser(fetchTransport())
  const requests: URL[] = []
  const savedTokens: StoredOAuthTokens[] = []
  let information: StoredOAuthClientInformation | undefined
  let tokens: StoredOAuthTokens | undefined
  let verifier = ''
  let discovery: OAuthDiscoveryState | undefined
  let answer: URLSearchParams | undefined
  const redirectUrl = 'http://127.0.0.1:49152/callback'
  const clientMetadata: OAuthClientMetadata = {
    client_name: 'Headless demo',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none'
  }

  return {
    requests,
    savedTokens,
    redirectUrl,
    clientMetadata,
    clientInformation: () => information,
    saveClientInformation(saved) {
      information = saved
    },
    tokens: () => tokens,
    saveTokens(saved) {
      tokens = saved
      savedTokens.push(saved)
    },
    saveCodeVerifier(saved) {
      verifier = saved
    },
    codeVerifier: () => verifier,
    saveDiscoveryState(saved) {
      discovery = saved
    },
    discoveryState: () => discovery,
    async redirectToAuthorization(url) {
      requests.push(url)
      onRequest?.(url)
      const page = await visitAuthorization(browser, url.href, person)
      if (page.leavesTo === null) throw new Error(`the browser was not sent back: status ${page.statusCode}`)
      answer = new URL(page.leavesTo).searchParams
    },
    invalidateCredentials(scope) {
      if (scope === 'all' || scope === 'client') information = undefined
      if (scope === 'all' || scope === 'tokens') tokens = undefined
      if (scope === 'all' || scope === 'discovery') discovery = undefined
    },
    answer() {
      if (!answer) throw new Error('nobody was asked yet')
      return answer
    },
    replaceTokens(change) {
      if (tokens) tokens = change(tokens)
    }
  }
}
