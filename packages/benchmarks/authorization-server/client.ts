/**
 * The client and the browser in one, over one connection: asks, follows redirects, says yes where it is asked, trades the code. It
 * keeps cookies by name only and uses the same code verifier each time, to cost little.
 *
 * @see RFC 6749 section 4.1, RFC 7636
 */
import { createHash } from 'node:crypto'
import { type Answer, Connection, headerOf } from '../connection.ts'
import type { ConsentForm, Issuing } from './issuing.ts'

export interface TokenAnswer {
  readonly access_token: string
  readonly refresh_token: string
}

/** Paths of the endpoints. */
export interface Endpoints {
  readonly metadata: string
  readonly authorize: string
  readonly token: string
  readonly jwks: string
  /** Null where there is no registration. */
  readonly register: string | null
  /** Null where nobody can ask about tokens. */
  readonly introspect: string | null
}

const VERIFIER = 'a-verifier-of-forty-three-characters-or-more-0'
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
const METADATA_PATH = '/.well-known/oauth-authorization-server'
const MAX_STEPS = 8

export class Client {
  readonly #connection: Connection
  readonly #issuing: Issuing
  readonly #query: string
  readonly #cookies = new Map<string, string>()
  /** Signed in as this one; may be changed between flows. */
  user = 'user-0'
  readonly endpoints: Endpoints

  private constructor(connection: Connection, issuing: Issuing, endpoints: Endpoints) {
    this.#connection = connection
    this.#issuing = issuing
    this.endpoints = endpoints
    this.#query = new URLSearchParams(authorizationParameters(issuing)).toString()
  }

  static async open(issuing: Issuing): Promise<Client> {
    const connection = await Connection.open(issuing.port)
    const { status, body } = await connection.exchange(
      `GET ${METADATA_PATH} HTTP/1.1\r\nhost: ${hostOf(issuing)}\r\n\r\n`
    )
    if (status !== 200) throw new Error(`no metadata: ${status}`)
    return new Client(connection, issuing, readEndpoints(JSON.parse(body)))
  }

  /** From the authorization request to the code; by default a good request. @throws Error when it does not end at the redirect URI with one */
  async authorize(query = this.#query): Promise<string> {
    let answer = await this.get(`${this.endpoints.authorize}?${query}`)
    for (let step = 0; step < MAX_STEPS; step++) {
      const location = answer.status >= 300 && answer.status < 400 ? headerOf(answer.head, 'location') : null
      if (location?.startsWith(`${this.#issuing.redirectUri}?`)) return codeOf(location)
      if (location !== null) answer = await this.get(pathOf(location))
      else if (answer.status === 200) answer = await this.#decide(JSON.parse(answer.body))
      else break
    }
    throw new Error(`no way back to the client: ${answer.head} ${answer.body}`)
  }

  /** Any answer of the token endpoint is returned. */
  redeem(code: string, verifier = VERIFIER, resource = this.#issuing.resource): Promise<Answer> {
    return this.post(this.endpoints.token, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: this.#issuing.redirectUri,
      client_id: this.#issuing.clientId,
      code_verifier: verifier,
      resource
    })
  }

  refresh(refreshToken: string): Promise<Answer> {
    const { clientId, resource } = this.#issuing
    return this.post(this.endpoints.token, {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: clientId,
      resource
    })
  }

  /** @throws Error unless both steps succeed */
  async connect(): Promise<TokenAnswer> {
    return readTokens(await this.redeem(await this.authorize()))
  }

  /** The same for a token that says nothing by itself. */
  async connectOpaque(): Promise<TokenAnswer> {
    const { opaqueResource } = this.#issuing
    const query = new URLSearchParams({ ...authorizationParameters(this.#issuing), resource: opaqueResource })
    return readTokens(await this.redeem(await this.authorize(query.toString()), VERIFIER, opaqueResource))
  }

  /** Asks what a token is worth, as the resource server. @see RFC 7662 section 2.1 */
  introspect(path: string, token: string): Promise<Answer> {
    const { id, secret } = this.#issuing.introspector
    const basic = Buffer.from(`${id}:${secret}`).toString('base64')
    return this.post(path, { token }, `authorization: Basic ${basic}\r\n`)
  }

  get(path: string): Promise<Answer> {
    return this.#send(`GET ${path} HTTP/1.1\r\n`, '')
  }

  post(path: string, fields: Record<string, string> | ConsentForm['fields'], more = ''): Promise<Answer> {
    const body = new URLSearchParams(fields as Record<string, string>).toString()
    const headers = `content-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n`
    return this.#send(`POST ${path} HTTP/1.1\r\n${headers}${more}`, body)
  }

  postJson(path: string, value: unknown): Promise<Answer> {
    const body = JSON.stringify(value)
    const headers = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`
    return this.#send(`POST ${path} HTTP/1.1\r\n${headers}`, body)
  }

  close(): void {
    this.#connection.close()
  }

  async #send(head: string, body: string): Promise<Answer> {
    const cookies = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const cookie = cookies === '' ? '' : `cookie: ${cookies}\r\n`
    const answer = await this.#connection.exchange(
      `${head}host: ${hostOf(this.#issuing)}\r\nx-user: ${this.user}\r\n${cookie}\r\n${body}`
    )
    for (const [, name = '', value = ''] of answer.head.matchAll(/\r\nset-cookie: ([^=]+)=([^;\r]*)/gi)) {
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return answer
  }

  #decide({ action, fields }: ConsentForm): Promise<Answer> {
    return this.post(action, fields)
  }
}

/** A good authorization request. */
export function authorizationParameters({ clientId, redirectUri, resource, scope }: Issuing): Record<string, string> {
  return {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    state: 'a-state-of-some-length',
    scope,
    resource
  }
}

/** @throws Error when it is not a success with both tokens */
export function readTokens({ status, body }: Answer): TokenAnswer {
  const tokens: Partial<TokenAnswer> = status === 200 ? JSON.parse(body) : {}
  const { access_token, refresh_token } = tokens
  if (access_token === undefined || refresh_token === undefined) throw new Error(`no tokens: ${status} ${body}`)
  return { access_token, refresh_token }
}

function readEndpoints(metadata: { readonly [name: string]: unknown }): Endpoints {
  const path = (name: string): string | null =>
    typeof metadata[name] === 'string' ? new URL(metadata[name]).pathname : null
  const authorize = path('authorization_endpoint')
  const token = path('token_endpoint')
  if (authorize === null || token === null) throw new Error('the metadata does not name the endpoints')
  // The SDK's metadata has no jwks_uri, so its contender serves the keys at the usual place.
  const jwks = path('jwks_uri') ?? '/.well-known/jwks.json'
  return {
    metadata: METADATA_PATH,
    authorize,
    token,
    jwks,
    register: path('registration_endpoint'),
    introspect: path('introspection_endpoint')
  }
}

function codeOf(location: string): string {
  const code = new URL(location).searchParams.get('code')
  if (code === null) throw new Error(`refused: ${location}`)
  return code
}

function pathOf(location: string): string {
  if (location.startsWith('/')) return location
  const { pathname, search } = new URL(location)
  return pathname + search
}

function hostOf({ port }: Issuing): string {
  return `127.0.0.1:${port}`
}
