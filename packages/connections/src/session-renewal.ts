/**
 * A session that its server has forgotten, in a restart or after a long pause, is begun anew, and the request that found that out is sent
 * again: it was not processed. What the server knew of the old session (log level, subscriptions) is not told again.
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
      }
      return this.#fetch(url, init)
    }
    const named = this.#renewed ?? known
    const response = await this.#fetch(url, named === known ? init : { ...init, headers: withSession(headers, named) })
    if (response.status !== 404 || init.method === 'DELETE') return response
    const renewed = await this.#renew(named, headers, init.signal)
    if (renewed === null) return response
    await response.body?.cancel()
    return this.#fetch(url, { ...init, headers: withSession(headers, renewed) })
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
    return session
  }
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
