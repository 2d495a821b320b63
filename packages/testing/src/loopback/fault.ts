/** What may go wrong between a client and a server of the kit. */

/** One thing that goes wrong with one request. Made by {@link fault}. */
export type Fault =
  /** The server says this instead of doing its work. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers: { readonly [name: string]: string }
      readonly body: string
    }
  /** The connection is cut before the server sees the request. */
  | { readonly kind: 'reset' }
  /** The server does its work, and the connection is cut instead of the answer. */
  | { readonly kind: 'lost' }
  /** The request is taken and never answered. */
  | { readonly kind: 'hang' }
  /** The server does its work, and the answer comes after so many milliseconds. */
  | { readonly kind: 'slow'; readonly milliseconds: number }

/** What goes wrong, or a decision for each request: null lets it pass. */
export type FaultOrChoice = Fault | ((request: { readonly path: string; readonly body: string }) => Fault | null)

function answer(status: number, body: string, headers: { readonly [name: string]: string } = {}): Fault {
  return { kind: 'answer', status, body, headers }
}

function json(status: number, body: unknown, headers: { readonly [name: string]: string } = {}): Fault {
  return answer(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
}

function waiting(retryAfter: number | undefined): { readonly [name: string]: string } {
  return retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
}

/** The faults by name. */
export const fault = Object.freeze({
  answer,
  json,
  /** An error of RFC 6749 section 5.2. */
  oauthError: (error: string, status = 400): Fault =>
    json(status, { error, error_description: 'as the test wants it' }),
  /** 503. @param retryAfter seconds */
  unavailable: (retryAfter?: number): Fault => json(503, { error: 'temporarily_unavailable' }, waiting(retryAfter)),
  /** 429. @param retryAfter seconds */
  tooManyRequests: (retryAfter?: number): Fault => answer(429, 'slow down', waiting(retryAfter)),
  /** What a firewall or a proxy says in the server's place: HTML, whatever was asked for. */
  html: (status = 403): Fault =>
    answer(status, '<!doctype html><title>Blocked</title><h1>Request blocked</h1>', { 'content-type': 'text/html' }),
  redirect: (location: string, status = 302): Fault => answer(status, '', { location }),
  /** A JSON object of at least so many bytes. */
  oversized: (bytes: number): Fault => json(200, { padding: 'x'.repeat(bytes) }),
  reset: (): Fault => ({ kind: 'reset' }),
  lost: (): Fault => ({ kind: 'lost' }),
  hang: (): Fault => ({ kind: 'hang' }),
  slow: (milliseconds: number): Fault => ({ kind: 'slow', milliseconds })
})
