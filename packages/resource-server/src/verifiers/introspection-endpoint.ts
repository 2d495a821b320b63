/**
 * One question to the introspection endpoint of an issuer, and an answer that can be read, or none.
 *
 * @see RFC 7662 section 2
 */
import { setTimeout as later } from 'node:timers/promises'
import { jsonBody, type SafeFetch, type SafeResponse, UnavailableError } from '@fastify-mcp-auth/core'
import type { Credentials } from './client-authentication.ts'

export type IntrospectionBody = Readonly<Record<string, unknown>>

/** In which form answers come. */
export interface AnswerFormat {
  readonly accept: string
  /** @throws Error for an answer in any other form */
  read(response: SafeResponse): IntrospectionBody | Promise<IntrospectionBody>
}

export interface EndpointSettings {
  readonly endpoint: string | undefined
  /** Where the endpoint is, if nobody has said so. */
  readonly discover: () => Promise<string>
  readonly authenticate: () => Promise<Credentials>
  readonly fetch: SafeFetch
  readonly format: AnswerFormat
  /** Seconds for everything that one answer takes. */
  readonly timeout: number
}

export class IntrospectionEndpoint {
  readonly #settings: EndpointSettings
  #url: string | undefined

  constructor(settings: EndpointSettings) {
    this.#settings = settings
    this.#url = settings.endpoint
  }

  /** @throws UnavailableError when there is no answer that can be used; see {@link isAboutQuestion} */
  async ask(token: string): Promise<IntrospectionBody> {
    try {
      return await withinSeconds(this.#settings.timeout, this.#exchange(token))
    } catch (cause) {
      // It may have moved.
      if (!(cause instanceof BadQuestionError)) this.#url = this.#settings.endpoint
      throw new UnavailableError('the issuer does not say whether the token is good', { cause })
    }
  }

  async #exchange(token: string): Promise<IntrospectionBody> {
    const { discover, authenticate, fetch, format } = this.#settings
    this.#url ??= await discover()
    const url = this.#url
    const { headers, parameters } = await authenticate()
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: format.accept, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams({ token, token_type_hint: 'access_token', ...parameters }).toString()
    })
    if (response.status === 200) return format.read(response)
    if (errorOf(response) === 'unsupported_token_type') return NOT_ACTIVE
    throw isDislikedQuestion(response)
      ? new BadQuestionError(response.status)
      : new AnswerError(`status ${response.status}`)
  }
}

/** What came back is not what was asked for. */
export class AnswerError extends Error {
  constructor(what: string) {
    super(`introspection: ${what}`)
  }
}

class BadQuestionError extends AnswerError {
  constructor(status: number) {
    super(`status ${status}: the endpoint does not take this token`)
  }
}

/** Whether the endpoint answered, and disliked this one token: no verdict, and no sign of an outage that anybody could fake with a token. */
export function isAboutQuestion({ cause }: UnavailableError): boolean {
  return cause instanceof BadQuestionError
}

// RFC 7009 section 2.2.1: what oidc-provider says about a JWT, which is none of the tokens that it would vouch for here.
const NOT_ACTIVE: IntrospectionBody = Object.freeze({ active: false })

function errorOf(response: SafeResponse): unknown {
  const body = jsonBody(response)
  return typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
}

// RFC 6749 section 5.2 lets a server say with 400 that it does not know the client: that is about us.
function isDislikedQuestion(response: SafeResponse): boolean {
  if (![400, 413, 414, 422].includes(response.status)) return false
  const error = errorOf(response)
  return error !== 'invalid_client' && error !== 'unauthorized_client'
}

/** RFC 7662 section 2.2 */
export const PLAIN_JSON: AnswerFormat = Object.freeze({
  accept: 'application/json',
  read(response: SafeResponse) {
    const body: unknown = jsonBody(response)
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new AnswerError('not a JSON object')
    return body as IntrospectionBody
  }
})

// Whatever fetches: the one who finds out whether the endpoint is back must not be gone for good.
async function withinSeconds<T>(seconds: number, work: Promise<T>): Promise<T> {
  const done = new AbortController()
  const expired = later(seconds * 1000, undefined, { signal: done.signal }).then((): never => {
    throw new AnswerError(`no answer within ${seconds} s`)
  })
  try {
    return await Promise.race([work, expired])
  } finally {
    done.abort()
  }
}
