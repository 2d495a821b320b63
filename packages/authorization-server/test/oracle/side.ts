/** The two servers of the comparison look the same from here: same clients, same resources, same person, each at its own address. */
import { digest } from '@fastify-mcp-auth/core'
import { createOAuthClient, fetchTransport, type HttpResponse } from '@fastify-mcp-auth/testing'

export type Endpoint = 'authorize' | 'token' | 'par' | 'introspect' | 'revoke' | 'register' | 'userinfo' | 'device'

export interface Side {
  readonly name: 'ours' | 'oidc-provider'
  readonly issuer: string
  readonly endpoints: { readonly [E in Endpoint]: string }
  /** An assertion of the client `signer`; claims that are null are left out, `alg: none` leaves the signature out. */
  assertion(claims?: Record<string, unknown>, header?: { alg?: string; kid?: string }): Promise<string>
}

export const NOTES = 'https://notes.example/mcp'
export const FILES = 'https://files.example/mcp'
export const SCOPES = { [NOTES]: 'notes:read notes:write', [FILES]: 'files:read' }

/** With characters that have to be form-encoded before base64. */
export const SECRET = 'a:b+c d%/?&=~! that is long enough'

export const CALLBACK = 'http://127.0.0.1:49152/callback'
export const WEB_CALLBACK = 'https://web.example/cb'
export const TWO_CALLBACKS = ['https://two.example/cb', 'https://two.example/cb/more?x=1']

export interface OracleClient {
  readonly method: 'none' | 'client_secret_basic' | 'private_key_jwt'
  readonly redirectUris: readonly string[]
  /** Those of a client for people, or none for one without redirect URIs, when left out. */
  readonly grantTypes?: readonly string[]
}

/** Clients by name: how they prove themselves, and where their answers go. `signer` has the key of the test. */
export const CLIENTS = {
  public: { method: 'none', redirectUris: [CALLBACK] },
  other: { method: 'none', redirectUris: [CALLBACK] },
  one: { method: 'none', redirectUris: ['https://one.example/cb'] },
  two: { method: 'none', redirectUris: TWO_CALLBACKS },
  web: { method: 'client_secret_basic', redirectUris: [WEB_CALLBACK] },
  signer: { method: 'private_key_jwt', redirectUris: [WEB_CALLBACK] },
  /** The resource server of the notes: nobody signs in through it. */
  api: { method: 'client_secret_basic', redirectUris: [] },
  /** Acts in its own name, at the notes. */
  job: { method: 'client_secret_basic', redirectUris: [], grantTypes: ['client_credentials'] },
  /** A device. */
  tv: {
    method: 'none',
    redirectUris: [],
    grantTypes: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token']
  }
} as const satisfies { [name: string]: OracleClient }
export type ClientName = keyof typeof CLIENTS

/** Parameters to add or to replace. Null leaves one out, a list sends it several times. */
export type Bends = { readonly [parameter: string]: string | readonly string[] | null }

export const send = fetchTransport()

export function formOf(parameters: Bends): string {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    for (const one of value === null ? [] : [value].flat()) form.append(name, one)
  return form.toString()
}

export const VERIFIER = 'a-code-verifier-of-more-than-forty-three-characters'

const CHALLENGE: Bends = { code_challenge: digest(VERIFIER), code_challenge_method: 'S256' }

/** What a good authorization request of a client says. */
export function authorizationRequest(client: ClientName, bends: Bends = {}): Bends {
  return {
    response_type: 'code',
    client_id: client,
    redirect_uri: CLIENTS[client].redirectUris[0] ?? null,
    scope: 'notes:read',
    resource: NOTES,
    state: 'the-state',
    ...CHALLENGE,
    ...bends
  }
}

export interface Code {
  readonly code: string
  readonly redirectUri: string
}

let people = 0

/** A person says yes; a browser of its own for each. */
export async function authorize(side: Side, client: ClientName, bends: Bends = {}): Promise<Code> {
  const redirectUri = CLIENTS[client].redirectUris[0] ?? ''
  const driver = createOAuthClient({
    resource: NOTES,
    issuer: side.issuer,
    clientId: client,
    redirectUri,
    // Nobody whom this client knows: what was allowed before is not to count.
    username: `person-${++people}`,
    password: 'pw'
  })
  const parameters = { scope: 'notes:read', ...CHALLENGE, ...bends }
  const { code, error } = await driver.authorize({ parameters })
  if (code === null) throw new Error(`${side.name} answered ${error}`)
  return { code, redirectUri }
}

export interface FormRequest {
  readonly method?: string
  readonly headers?: { readonly [name: string]: string }
  /** Sent as it is, in the place of the parameters. */
  readonly body?: string
  readonly query?: string
}

/** A form as a client posts it, or something like it. */
export function post(
  side: Side,
  endpoint: Endpoint,
  parameters: Bends,
  { method = 'POST', headers = {}, body, query = '' }: FormRequest = {}
): Promise<HttpResponse> {
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return send({
    method,
    url: side.endpoints[endpoint] + query,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ...(hasBody ? { body: body ?? formOf(parameters) } : {})
  })
}

/** Trades a code as the client that got it, unless bent. */
export function redeem(
  side: Side,
  client: ClientName,
  { code, redirectUri }: Code,
  bends: Bends = {},
  request: FormRequest = {}
): Promise<HttpResponse> {
  const parameters = {
    grant_type: 'authorization_code',
    code,
    code_verifier: VERIFIER,
    redirect_uri: redirectUri,
    ...identity(client),
    ...bends
  }
  return post(side, 'token', parameters, { ...request, headers: { ...basicOf(client), ...request.headers } })
}

export function refresh(side: Side, client: ClientName, token: string, bends: Bends = {}): Promise<HttpResponse> {
  const parameters = { grant_type: 'refresh_token', refresh_token: token, ...identity(client), ...bends }
  return post(side, 'token', parameters, { headers: basicOf(client) })
}

function identity(client: ClientName): Bends {
  return CLIENTS[client].method === 'none' ? { client_id: client } : {}
}

function basicOf(client: ClientName): Record<string, string> {
  return CLIENTS[client].method === 'client_secret_basic' ? basic(encode(client), encode(SECRET)) : {}
}

/** Form-encoded, as RFC 6749 section 2.3.1 wants it. */
export const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

export function basic(user: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

export async function tokens(side: Side, client: ClientName, bends: Bends = {}): Promise<Tokens> {
  const response = await redeem(side, client, await authorize(side, client, bends))
  if (response.statusCode !== 200) throw new Error(`${side.name}: no tokens: ${response.statusCode} ${response.body}`)
  return response.json<Tokens>()
}
