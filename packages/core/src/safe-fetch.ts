/**
 * Fetching URLs that somebody else chose, without becoming their tool: the address is checked and pinned, redirects are not
 * followed, size and time are bounded. Nothing else in the suite fetches a stranger's URL, and there is no unguarded path
 * to fall back to.
 *
 * @see RFC 9728 section 7.7, draft-ietf-oauth-client-id-metadata-document section 6
 */
import type { Dispatcher } from 'undici'
import { ConfigurationError } from './errors.ts'
import { readBody } from './fetch-body.ts'
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
import { type HttpClient, openHttpClient } from './http-client.ts'

/** One request. */
export interface SafeFetchOptions {
  method?: 'GET' | 'POST'
  /** Sent as they are, with any credentials in them. `host`, `cookie` and what belongs to the connection are refused. */
  headers?: Record<string, string>
  body?: string
}

/** A response, whole and within its bounds. */
export interface SafeResponse {
  readonly status: number
  /** Names in lower case; repeated ones joined by a comma. No prototype. */
  readonly headers: { readonly [name: string]: string }
  /** Decompressed, at most `maxBytes`. */
  readonly body: Buffer
}

/**
 * Fetches one URL once. A response of any status but a redirect is returned, so 404 and 500 are for the caller to judge.
 *
 * Does not follow redirects, keep cookies, send credentials of its own, use a proxy of the environment, retry, cache, or look at the type of
 * the content.
 *
 * @throws FetchRefusedError when the URL or the answer is not acceptable: a verdict, a retry gives the same
 * @throws FetchFailedError (an UnavailableError) when nobody answered, or not in time
 * @throws TypeError when a header of the caller cannot be sent
 */
export type SafeFetch = (url: string, options?: SafeFetchOptions) => Promise<SafeResponse>

/** What a fetch may reach and how much it may take. */
export interface SafeFetchSettings {
  /** Where the fetch may go; `public` by default. Plain http is for loopback hosts in `public-or-loopback`, and for `any`. */
  addresses?: AllowedAddresses
  /** Bytes of the body, counted on the wire and again after decompression; 65,536 by default. */
  maxBytes?: number
  /** Milliseconds for everything together: name, connection, headers and body; 5,000 by default. */
  timeoutMs?: number
  /** Resolves a host name to all of its addresses; the system's resolver by default. Its answer is checked like any other. */
  lookup?: Lookup
  /** URL of a forward proxy (CONNECT). Names are resolved and checked here all the same, and the proxy is asked for the address. */
  proxy?: string
}

/**
 * @returns a fetch with a connection pool of its own; idle connections do not keep the process alive
 * @throws ConfigurationError for a setting that would leave it unguarded
 */
export function createSafeFetch(settings: SafeFetchSettings = {}): SafeFetch {
  const { addresses = 'public', maxBytes = 65_536, timeoutMs = 5000, lookup = systemLookup, proxy } = settings
  if (!['public', 'public-or-loopback', 'any'].includes(addresses)) throw wrong('addresses', 'is not a known choice')
  if (!isPositiveInteger(maxBytes)) throw wrong('maxBytes', 'must be a positive whole number')
  if (!isPositiveInteger(timeoutMs)) throw wrong('timeoutMs', 'must be a positive whole number')
  if (typeof lookup !== 'function') throw wrong('lookup', 'must be a function')
  const fault = proxyFault(proxy)
  if (fault) throw wrong('proxy', fault)

  // Requests go through this client by name: the process-wide dispatcher and the proxies of the environment have no say.
  let client: Promise<HttpClient> | null = null
  const open = (): Promise<HttpClient> =>
    openHttpClient(guardedConnector(addresses, lookup, timeoutMs, proxy), {
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      keepAliveMaxTimeout: 10_000,
      // One slow host gets no more sockets than this, whatever the number of callers.
      connections: 16
    })

  return async (text, options = {}) => {
    const url = acceptableUrl(text, addresses)
    assertHeaders(options.headers)
    const where = `${url.origin}${url.pathname}`
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), timeoutMs)
    // The signal ends what is on the wire; a request that still waits for its name or a free socket does not hear it.
    const expired = new Promise<never>((_resolve, reject) => deadline.signal.addEventListener('abort', reject))
    try {
      client ??= open()
      return await Promise.race([exchange(client, { url, options, maxBytes, signal: deadline.signal }), expired])
    } catch (error) {
      if (isFetchRefusedError(error)) throw new FetchRefusedError(error.reason, `${where}: ${error.message}`)
      if (deadline.signal.aborted) throw new FetchFailedError('timeout', `${where}: no answer within ${timeoutMs} ms`)
      if (error instanceof LookupError) throw new FetchFailedError('lookup', `${where}: the name has no address`, error)
      throw new FetchFailedError('network', `${where}: the connection failed`, error)
    } finally {
      clearTimeout(timer)
    }
  }
}

function isPositiveInteger(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0
}

function wrong(option: string, why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `createSafeFetch: option "${option}" ${why}`)
}

// What would let a caller's headers change where the request goes, how it is framed, or whose session it is.
const FORBIDDEN_HEADER =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|upgrade|te|trailer|expect|accept-encoding|cookie|proxy-.*)$/i

function assertHeaders(headers: Record<string, string> = {}): void {
  for (const [name, value] of Object.entries(headers)) {
    if (FORBIDDEN_HEADER.test(name) || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      throw new TypeError(`header ${JSON.stringify(name)} cannot be set`)
    // The value is not told: it may be a credential.
    if (!/^[\t\x20-\x7E]*$/.test(value)) throw new TypeError(`header "${name}" has a value that cannot be sent`)
  }
}

async function exchange(
  client: Promise<HttpClient>,
  request: { url: URL; options: SafeFetchOptions; maxBytes: number; signal: AbortSignal }
): Promise<SafeResponse> {
  const { url, options, maxBytes, signal } = request
  const { method = 'GET', headers = {}, body = null } = options
  const send = await client
  const response = await send({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers: { accept: '*/*', 'user-agent': 'fastify-mcp-auth', ...headers, 'accept-encoding': 'identity' },
    body,
    signal
  })
  // A stream that is given up reports that as an error; without a listener it would end the process.
  response.body.on('error', () => undefined)
  try {
    // 304 answers a conditional request; it leads nowhere.
    if (response.statusCode >= 300 && response.statusCode < 400 && response.statusCode !== 304)
      throw new FetchRefusedError('redirect', `answers ${response.statusCode}, and redirects are not followed`)
    const received = await readBody(response, maxBytes)
    return { status: response.statusCode, headers: flatten(response.headers), body: received }
  } finally {
    response.body.destroy()
  }
}

function flatten(headers: Dispatcher.ResponseData['headers']): { [name: string]: string } {
  const flat = Object.create(null) as { [name: string]: string }
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value
  return flat
}

/** The body as JSON (UTF-8), or undefined when it is none. Does not look at the content type. */
export function jsonBody(response: SafeResponse): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(response.body))
  } catch {
    return undefined
  }
}
