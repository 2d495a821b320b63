/**
 * How often one host may be asked: whoever sends client ids here must not make us flood somebody else, and one host that is slow
 * or changes its mind must not keep us busy. Counted in each process.
 */
import { type Clock, type SafeFetch, UnavailableError } from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'

const WINDOW = 60
const MAX_HOSTS = 1000

/**
 * @param perHost fetches of one host in a minute
 * @returns a fetch that rejects with UnavailableError, and asks nobody, when a host had its share
 */
export function budgeted(fetch: SafeFetch, { clock, perHost }: { clock: Clock; perHost: number }): SafeFetch {
  const windows = new LRUCache<string, { startedAt: number; fetches: number }>({ max: MAX_HOSTS })
  return async (url, options) => {
    const host = URL.parse(url)?.host ?? ''
    const now = clock.now()
    const current = windows.get(host)
    const window = current && now - current.startedAt < WINDOW && now >= current.startedAt ? current : null
    if (window && window.fetches >= perHost)
      throw new UnavailableError(`${host} was asked ${perHost} times within a minute`, {
        retryAfter: window.startedAt + WINDOW - now
      })
    windows.set(host, { startedAt: window?.startedAt ?? now, fetches: (window?.fetches ?? 0) + 1 })
    return fetch(url, options)
  }
}
