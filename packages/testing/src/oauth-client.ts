/**
 * An OAuth client for tests: goes from a 401 to tokens as an MCP client and the person in front of it would, by `app.inject()` or
 * over HTTP. Every step can be called alone, and every parameter can be bent, so that a negative test changes one thing only.
 *
 * ```ts
 * const client = createOAuthClient({ app, resource: 'http://127.0.0.1:3000/mcp', username: 'alice', password: 'wonderland' })
 * const tokens = await client.connect({ scope: 'notes:read' })
 * ```
 *
 * It is strict where a client has to be (state, `iss`, metadata issuer) and naive elsewhere: no retries, no clock, no caching of
 * tokens, no protection against hostile servers. Not for production.
 *
 * @see RFC 6749 section 4.1, RFC 7636, RFC 8414, RFC 8707, RFC 9207, RFC 9728
 */
import type { TokenResponse } from '@fastify-mcp-auth/core'
import {
  type AuthorizationAnswer,
  readAnswer,
  type StartedAuthorization,
  startAuthorization
} from './authorization-request.ts'
import { type Browser, createBrowser, type Page, summary } from './browser.ts'
import { type Discovery, discover } from './discovery.ts'
import { type Account, type Decision, decide, signIn, visitAuthorization } from './person.ts'
import { type Bends, bend, type ClientCredentials, sendTokenRequest } from './token-request.ts'
import { fetchTransport, type HttpResponse, type InjectableApp, injectTransport, type Send } from './transport.ts'

/** Where the client goes, and as whom. */
export interface OAuthClientOptions {
  /** Asks this app by `inject()`. Without it, requests go over HTTP to where their URLs point. */
  app?: InjectableApp
  /** Identifier of the protected resource: the URL of the MCP endpoint. */
  resource: string
  /** Issuer to use without asking the resource for it: for servers that only issue. */
  issuer?: string
  /** A client that is registered already; else `register()` is called when first needed. */
  clientId?: string
  clientSecret?: string
  /** Never asked: the driver reads the redirect and stops. `http://127.0.0.1:49152/callback` when left out. */
  redirectUri?: string
  /** Account to sign in with when a login form appears. */
  username?: string
  password?: string
}

/** One authorization request, and what the person does with it. */
export interface AuthorizeOptions extends Decision {
  /** Scope parameter of the request; none when left out. */
  scope?: string
  /** Further parameters of the authorization request, or null to leave one out. */
  parameters?: Bends
}

/** What of an answer is needed to redeem its code; for tests that received it by another browser. */
export type Redeemable = Pick<AuthorizationAnswer, 'code' | 'codeVerifier' | 'redirectUri'>

/** An OAuth client with a person in front of it. Every step can be called alone. */
export interface OAuthClient {
  readonly browser: Browser
  readonly send: Send
  readonly redirectUri: string
  /** From the resource's challenge to the server's metadata. Asked once, then remembered. @throws Error when a document does not fit */
  discover(): Promise<Discovery>
  /** Registers dynamically and, on 201, goes on as that client. @see RFC 7591 section 3 */
  register(metadata?: { readonly [member: string]: unknown }): Promise<HttpResponse>
  /** The credentials in use; registers when there are none. */
  credentials(): Promise<ClientCredentials>
  /** Makes a request with fresh state and verifier; sends nothing but discovery and registration. */
  start(options?: Pick<AuthorizeOptions, 'scope' | 'parameters'>): Promise<StartedAuthorization>
  /** Fills in the login form of the page. @throws Error when there is none */
  login(page: Page, account?: Partial<Account>): Promise<Page>
  /** Answers the consent form of the page. @throws Error when there is none */
  decide(page: Page, decision?: Decision): Promise<Page>
  /**
   * The whole visit: opens the request, signs in and decides where the server asks for it.
   *
   * @throws Error when it does not end at the redirect URI, or with another `state` or `iss`; an `error` answer is returned
   */
  authorize(options?: AuthorizeOptions): Promise<AuthorizationAnswer>
  /** Sends the code to the token endpoint. */
  redeem(answer: Redeemable, parameters?: Bends): Promise<HttpResponse>
  refresh(refreshToken: string, parameters?: Bends): Promise<HttpResponse>
  /** @see RFC 7009 section 2.1 */
  revoke(token: string, parameters?: Bends): Promise<HttpResponse>
  /** Everything up to tokens. @throws Error when the answer or the token response is an error */
  connect(options?: AuthorizeOptions): Promise<TokenResponse>
}

/** Makes a client that has done nothing yet. @see MCP authorization, authorization flow steps */
export function createOAuthClient(options: OAuthClientOptions): OAuthClient {
  const { app, resource, redirectUri = 'http://127.0.0.1:49152/callback' } = options
  const send = app ? injectTransport(app) : fetchTransport()
  const browser = createBrowser(send)
  const account: Account = { username: options.username ?? '', password: options.password ?? '' }
  let known: Promise<Discovery> | undefined
  let current: ClientCredentials | undefined =
    options.clientId === undefined ? undefined : { clientId: options.clientId, clientSecret: options.clientSecret }

  const client: OAuthClient = {
    browser,
    send,
    redirectUri,
    discover() {
      known ??= discover(send, resource, options.issuer)
      return known
    },
    async register(metadata = {}) {
      const { registration_endpoint: url } = (await client.discover()).server
      if (url === undefined) throw new Error('the authorization server has no registration endpoint')
      const body = JSON.stringify({ ...defaultMetadata(redirectUri), ...metadata })
      const response = await send({ method: 'POST', url, headers: { 'content-type': 'application/json' }, body })
      if (response.statusCode === 201) current = readRegistration(response)
      return response
    },
    async credentials() {
      if (current) return current
      const response = await client.register()
      if (!current) throw new Error(`registration failed: ${summary(response)}`)
      return current
    },
    async start({ scope, parameters = {} } = {}) {
      const { server } = await client.discover()
      const { clientId } = await client.credentials()
      return startAuthorization(server, {
        client_id: clientId,
        redirect_uri: redirectUri,
        resource,
        scope,
        ...parameters
      })
    },
    login: (page, other = {}) => signIn(browser, page, { ...account, ...other }),
    decide: (page, decision) => decide(browser, page, decision),
    async authorize({ scope, parameters, ...decision } = {}) {
      const started = await client.start(withDefined({ scope, parameters }))
      return readAnswer(await visitAuthorization(browser, started.url, { ...account, ...decision }), started)
    },
    async redeem(answer, parameters) {
      const code = { grant_type: 'authorization_code', code: answer.code, code_verifier: answer.codeVerifier }
      return token('token_endpoint', { ...code, redirect_uri: answer.redirectUri, resource }, parameters)
    },
    refresh: (refreshToken, parameters) =>
      token('token_endpoint', { grant_type: 'refresh_token', refresh_token: refreshToken, resource }, parameters),
    revoke: (value, parameters) => token('revocation_endpoint', { token: value }, parameters),
    async connect(connectOptions) {
      const answer = await client.authorize(connectOptions)
      if (answer.code === null) throw new Error(`the authorization server answered ${answer.error}`)
      const response = await client.redeem(answer)
      if (response.statusCode !== 200) throw new Error(`no tokens: ${summary(response)}`)
      return response.json<TokenResponse>()
    }
  }

  async function token(
    endpoint: 'token_endpoint' | 'revocation_endpoint',
    parameters: Bends,
    bent: Bends = {}
  ): Promise<HttpResponse> {
    const { [endpoint]: url } = (await client.discover()).server
    if (url === undefined) throw new Error(`the authorization server has no ${endpoint}`)
    return sendTokenRequest(send, {
      url,
      credentials: await client.credentials(),
      parameters: bend(parameters, bent),
      bent
    })
  }

  return client
}

function defaultMetadata(redirectUri: string): Record<string, unknown> {
  return {
    client_name: 'Test client',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native'
  }
}

function readRegistration(response: HttpResponse): ClientCredentials {
  const answer = response.json<{ client_id: string; client_secret?: string; token_endpoint_auth_method?: string }>()
  return {
    clientId: answer.client_id,
    clientSecret: answer.client_secret,
    authMethod: answer.token_endpoint_auth_method
  }
}

// A member that is undefined and a member that is missing are two things to a strict compiler.
function withDefined<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const defined = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(defined) as { [K in keyof T]: Exclude<T[K], undefined> }
}
