/**
 * A session that its server has forgotten, in a restart or after a long pause, is begun anew, and the request that found that out is sent
 * again: it was not processed. Then the server is told again what it knew of the old session: the log level, and which resources the client
 * has subscribed to. What happened to those in between is not made up for: read them again where that matters.
 *
 * @see MCP 2025-11-25, transports, "Session Management"
 */
import type { OwnedFetch } from './types.ts'

/** @returns a fetch for one client of the SDK, which goes on with the id of its first session */
export function renewingSessions(fetch: OwnedFetch): OwnedFetch {
  return new Session(fetch).send
}

const HEADER = 'mcp-session-id'

class Session {
  readonly #fetch: OwnedFetch
  /** How the client introduced itself. */
  #opening: { readonly url: string | URL; readonly init: RequestInit } | null = null
  /** In the place of the id that the client knows. */
  #renewed: string | null = null
  #renewal: Promise<string | null> | null = null
  /** Parameters of `logging/setLevel`, and those of `resources/subscribe` by URI, as the server has accepted them. */
  #level: unknown = null
  readonly #subscriptions = new Map<string, unknown>()

  constructor(fetch: OwnedFetch) {
    this.#fetch = fetch
  }

  readonly send: OwnedFetch = async (url, init = {}) => {
    const headers = new Headers(init.headers)
    const known = headers.get(HEADER)
    if (known === null) {
      if (isInitialize(init)) {
        this.#opening = { url, init }
        this.#renewed = null
        this.#level = null
        this.#subscriptions.clear()
      }
      return this.#fetch(url, init)
    }
    const named = this.#renewed ?? known
    const response = await this.#fetch(url, named === known ? init : { ...init, headers: withSession(headers, named) })
    if (response.status !== 404 || init.method === 'DELETE') return this.#noted(init, response)
    const renewed = await this.#renew(named, headers, init.signal)
    if (renewed === null) return response
    await response.body?.cancel()
    return this.#noted(init, await this.#fetch(url, { ...init, headers: withSession(headers, renewed) }))
  }

  #noted(init: RequestInit, response: Response): Response {
    const message = response.ok ? readSetting(init) : null
    if (message === null) return response
    const { method, params } = message
    if (method === 'logging/setLevel') this.#level = params
    else if (method === 'resources/subscribe') this.#subscriptions.set(params.uri, params)
    else this.#subscriptions.delete(params.uri)
    return response
  }

  /** Once for all requests that found the same session gone. @returns null when the server begins no other */
  async #renew(lost: string, headers: Headers, signal: RequestInit['signal']): Promise<string | null> {
    if (this.#renewed !== null && this.#renewed !== lost) return this.#renewed
    this.#renewal ??= this.#open(headers, signal).finally(() => {
      this.#renewal = null
    })
    return this.#renewal
  }

  async #open(headers: Headers, signal: RequestInit['signal']): Promise<string | null> {
    if (!this.#opening) return null
    const { url, init } = this.#opening
    const opened = await this.#fetch(url, { ...init, signal: signal ?? null })
    const session = opened.headers.get(HEADER)
    await opened.body?.cancel()
    if (!opened.ok || session === null) return null
    const told = await this.#fetch(url, {
      method: 'POST',
      headers: withSession(withoutBody(headers), session),
      body: INITIALIZED,
      signal: signal ?? null
    })
    await told.body?.cancel()
    this.#renewed = session
    await this.#tellAgain(url, withSession(withoutBody(headers), session))
    return session
  }

  /** As far as the server takes it: the session is good without it. */
  async #tellAgain(url: string | URL, headers: Headers): Promise<void> {
    const settings = [
      ...(this.#level === null ? [] : [['logging/setLevel', this.#level] as const]),
      ...[...this.#subscriptions.values()].map(params => ['resources/subscribe', params] as const)
    ]
    const signal = AbortSignal.timeout(TELLING)
    for (const [index, [method, params]] of settings.entries()) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: `again-${index}`, method, params })
      // Read to its end: an answer that nobody waits for may not be worked out.
      await this.#fetch(url, { method: 'POST', headers, body, signal })
        .then(answer => answer.text())
        .catch(() => undefined)
    }
  }
}

/** Milliseconds for everything that is told again: a call waits for it. */
const TELLING = 10_000

type Setting =
  | { readonly method: 'logging/setLevel'; readonly params: unknown }
  | { readonly method: 'resources/subscribe' | 'resources/unsubscribe'; readonly params: { readonly uri: string } }

const SETTINGS = ['logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']

/** What a server keeps in its session; null for every other message. */
function readSetting({ method, body }: RequestInit): Setting | null {
  if (method !== 'POST' || typeof body !== 'string' || !SETTINGS.some(name => body.includes(`"${name}"`))) return null
  const message = JSON.parse(body) as { method?: unknown; params?: { uri?: unknown } } | null
  if (typeof message?.method !== 'string' || !SETTINGS.includes(message.method)) return null
  const isWhole = message.method === 'logging/setLevel' || typeof message.params?.uri === 'string'
  return isWhole ? (message as Setting) : null
}

const INITIALIZED = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })

function withSession(headers: Headers, session: string): Headers {
  const changed = new Headers(headers)
  changed.set(HEADER, session)
  return changed
}

/** Whatever the request was that met the loss, this one posts JSON. */
function withoutBody(headers: Headers): Headers {
  const changed = new Headers(headers)
  changed.set('content-type', 'application/json')
  changed.set('accept', 'application/json, text/event-stream')
  changed.delete('last-event-id')
  return changed
}

function isInitialize({ method, body }: RequestInit): boolean {
  if (method !== 'POST' || typeof body !== 'string' || !body.includes('"initialize"')) return false
  const message: unknown = JSON.parse(body)
  return typeof message === 'object' && message !== null && 'method' in message && message.method === 'initialize'
}
