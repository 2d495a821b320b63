/**
 * The `fetch` of the web, behind the guard of {@link createSafeFetch}: for protocols whose answers are streams, and for libraries that want
 * to be handed a `fetch`. Same rules for where it goes; the answer is not held back until it is whole.
 *
 * @see RFC 9728 section 7.7
 */
import type { Agent, fetch as undiciFetch } from 'undici'
import { ConfigurationError } from './errors.ts'
import { FetchFailedError, FetchRefusedError, isFetchRefusedError } from './fetch-errors.ts'
import {
  type AllowedAddresses,
  acceptableUrl,
  guardedConnector,
  type Lookup,
  LookupError,
  proxyFault,
  systemLookup
} from './fetch-guard.ts'

/**
 * Like `fetch`, and narrower: http(s) only, body a text or bytes, redirects only where method and origin stay the same.
 *
 * Does not keep cookies, send credentials of its own, use a proxy of the environment, or retry.
 *
 * @throws FetchRefusedError when the URL, or where it leads, is not acceptable: a verdict, a retry gives the same
 * @throws FetchFailedError (an UnavailableError) when nobody answered, or with a status that HTTP does not have
 * @throws DOMException `AbortError`, or the reason of the caller's signal
 */
export type GuardedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** What a fetch may reach and how much it may take. */
export interface GuardedFetchSettings {
  /** Where the fetch may go; `public` by default. */
  addresses?: AllowedAddresses
  /** Bytes of a body after decompression, or of one event of an event stream; 16,777,216 by default. */
  maxBytes?: number
  /** Milliseconds to connect; 10,000 by default. */
  connectTimeoutMs?: number
  /** Milliseconds until the head of the answer is there; 300,000 by default: a call may take its time. */
  headersTimeoutMs?: number
  /** Resolves a host name to all of its addresses; the system's resolver by default. Its answer is checked like any other. */
  lookup?: Lookup
  /** URL of a forward proxy (CONNECT). Names are resolved and checked here all the same, and the proxy is asked for the address. */
  proxy?: string
}

const MAX_REDIRECTS = 3

/**
 * @returns a fetch with a connection pool of its own, and `close`, which ends the pool and what is under way
 * @throws ConfigurationError for a setting that would leave it unguarded
 */
export function createGuardedFetch(settings: GuardedFetchSettings = {}): GuardedFetch & { close(): Promise<void> } {
  const {
    addresses = 'public',
    maxBytes = 16_777_216,
    connectTimeoutMs = 10_000,
    headersTimeoutMs = 300_000,
    lookup = systemLookup,
    proxy
  } = settings
  if (!['public', 'public-or-loopback', 'any'].includes(addresses)) throw wrong('addresses', 'is not a known choice')
  for (const [name, value] of Object.entries({ maxBytes, connectTimeoutMs, headersTimeoutMs }))
    if (!Number.isSafeInteger(value) || value < 1) throw wrong(name, 'must be a positive whole number')
  if (typeof lookup !== 'function') throw wrong('lookup', 'must be a function')
  const fault = proxyFault(proxy)
  if (fault) throw wrong('proxy', fault)

  // Loaded with the first request: not everybody who could fetch does.
  let opened: Promise<Web> | null = null
  let isClosed = false
  const open = async (): Promise<Web> => {
    const undici = await import('undici')
    const agent = new undici.Agent({
      connect: guardedConnector(addresses, lookup, connectTimeoutMs, proxy)(undici.buildConnector),
      headersTimeout: headersTimeoutMs,
      // An event stream may be silent for as long as it likes; its reader gives up when that is too long.
      bodyTimeout: 0,
      keepAliveMaxTimeout: 10_000
    })
    return { agent, fetch: undici.fetch }
  }

  const guarded = async (target: string | URL, init: RequestInit = {}): Promise<Response> => {
    let url = acceptableUrl(String(target), addresses)
    const { origin } = url
    const method = (init.method ?? 'GET').toUpperCase()
    if (isClosed) throw new FetchFailedError('network', `${where(url)}: the pool of connections is closed`)
    opened ??= open()
    const web = await opened
    for (let hops = 0; ; hops++) {
      const response = await once(web, url, { ...init, method })
      if (response.status < 200 || response.status > 599) {
        await response.body?.cancel()
        throw new FetchFailedError('network', `${where(url)}: answers ${response.status}, which is no status of HTTP`)
      }
      if (response.status < 300 || response.status >= 400 || response.status === 304) return bounded(response, maxBytes)
      await response.body?.cancel()
      const next = URL.parse(response.headers.get('location') ?? '', url.href)
      // Method and body have to survive, and no credential may reach another origin.
      const isKept = [307, 308].includes(response.status) || (method === 'GET' && response.status !== 300)
      if (!next || next.origin !== origin || !isKept || hops === MAX_REDIRECTS)
        throw new FetchRefusedError('redirect', `${where(url)}: answers ${response.status}, which is not followed`)
      url = acceptableUrl(next.href, addresses)
    }
  }
  const close = async (): Promise<void> => {
    isClosed = true
    await (await opened)?.agent.destroy()
  }
  return Object.assign(guarded, { close })
}

interface Web {
  readonly agent: Agent
  readonly fetch: typeof undiciFetch
}

function wrong(option: string, why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `createGuardedFetch: option "${option}" ${why}`)
}

const where = (url: URL): string => `${url.origin}${url.pathname}`

async function once({ agent, fetch }: Web, url: URL, init: RequestInit & { method: string }): Promise<Response> {
  const { method, body = null, signal } = init
  if (body !== null && typeof body !== 'string' && !(body instanceof Uint8Array) && !(body instanceof URLSearchParams))
    throw new TypeError('a body has to be a text or bytes')
  const headers: Record<string, string> = { 'user-agent': 'fastify-mcp-auth' }
  for (const [name, value] of new Headers(init.headers)) headers[name] = value
  if (body instanceof URLSearchParams) headers['content-type'] ??= 'application/x-www-form-urlencoded;charset=UTF-8'
  // What would let a caller's headers change where the request goes, or whose session it is.
  for (const name of ['host', 'cookie', 'connection', 'accept-encoding']) delete headers[name]
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: body instanceof URLSearchParams ? body.toString() : body,
      redirect: 'manual',
      dispatcher: agent,
      signal: signal ?? null
    })
    return response as unknown as Response
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw translated(error, url)
  }
}

// undici wraps what the connector said into a TypeError, sometimes twice.
function translated(error: unknown, url: URL): Error {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (isFetchRefusedError(cause)) return new FetchRefusedError(cause.reason, `${where(url)}: ${cause.message}`)
    if (cause instanceof LookupError)
      return new FetchFailedError('lookup', `${where(url)}: the name has no address`, error)
    if ('code' in cause && String(cause.code).endsWith('_TIMEOUT'))
      return new FetchFailedError('timeout', `${where(url)}: no answer in time`, error)
  }
  return new FetchFailedError('network', `${where(url)}: the connection failed`, error)
}

/** A response of the web's own class, whose body ends with an error when it becomes too large. */
function bounded(response: Response, maxBytes: number): Response {
  const { status } = response
  // Said for people, in any bytes: what a response of the web cannot hold is left out.
  const statusText = /^[\t\x20-\x7E]*$/.test(response.statusText) ? response.statusText : ''
  const headers = new Headers([...response.headers])
  // It is decompressed already.
  for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  if (!response.body || [204, 205, 304].includes(status)) return new Response(null, { status, statusText, headers })
  const isStream = /^text\/event-stream\b/i.test(headers.get('content-type') ?? '')
  return new Response(response.body.pipeThrough(limit(maxBytes, isStream)), { status, statusText, headers })
}

function limit(maxBytes: number, isStream: boolean): TransformStream<Uint8Array, Uint8Array> {
  let size = 0
  return new TransformStream({
    transform(chunk, controller) {
      // A stream as a whole has no end; what has to be held in memory is one event.
      const ends = isStream ? eventEnds(chunk) : []
      let longest = 0
      let start = 0
      for (const end of [...ends, chunk.byteLength]) {
        size += end - start
        longest = Math.max(longest, size)
        if (end !== chunk.byteLength || ends.includes(end)) size = 0
        start = end
      }
      if (longest > maxBytes)
        controller.error(new FetchRefusedError('too_large', `the body is larger than ${maxBytes} bytes`))
      else controller.enqueue(chunk)
    }
  })
}

const NEWLINE = 10
const RETURN = 13

/** Where in it events end: behind each empty line. */
function eventEnds(chunk: Uint8Array): number[] {
  const ends: number[] = []
  for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) {
    const next = chunk[at + 1] === RETURN ? at + 2 : at + 1
    if (chunk[next] === NEWLINE) ends.push(next + 1)
  }
  return ends
}
