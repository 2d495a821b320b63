/**
 * How often other people's servers may be asked: whoever sends client ids here must not make us flood somebody else, and one host that is
 * slow or changes its mind must not keep us busy. Counted in each process.
 *
 * What was read here before has a number of its own, so that nothing else that is asked of its host can use that up.
 */
import { type Clock, type SafeFetch, UnavailableError } from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'

const WINDOW = 60
const MAX_COUNTERS = 20_000

/** Of what a host has for all that is not known yet, one address gets this part: it takes several to use it up for everybody. */
const SHARE_OF_ADDRESS = 1 / 4

export interface Asking {
  readonly url: string
  /** It was read here before. */
  readonly isKnown: boolean
  /** Address of who named it; null where that is not known. */
  readonly caller: string | null
}

export interface FetchBudget {
  /** Counts a fetch. @returns the refusal when it is one too many; it says nothing about what would have been fetched */
  spend(asking: Asking): UnavailableError | null
}

/** @param perHost fetches in a minute: of one host what is not known yet, and of each URL that is */
export function createFetchBudget({ clock, perHost }: { clock: Clock; perHost: number }): FetchBudget {
  const windows = new LRUCache<string, { startedAt: number; fetches: number }>({ max: MAX_COUNTERS })
  const windowOf = (key: string): { startedAt: number; fetches: number } => {
    const now = clock.now()
    const current = windows.get(key)
    const isRunning = current && now - current.startedAt < WINDOW && now >= current.startedAt
    return isRunning ? current : { startedAt: now, fetches: 0 }
  }
  return {
    spend(asking) {
      const counted = bucketsOf(asking, perHost).map(bucket => ({ ...bucket, window: windowOf(bucket.key) }))
      const spent = counted.find(({ max, window }) => window.fetches >= max)
      if (spent)
        return new UnavailableError(`${spent.key} was asked ${spent.max} times within a minute`, {
          retryAfter: spent.window.startedAt + WINDOW - clock.now()
        })
      for (const { key, window } of counted) windows.set(key, { ...window, fetches: window.fetches + 1 })
      return null
    }
  }
}

function bucketsOf({ url, isKnown, caller }: Asking, perHost: number): { key: string; max: number }[] {
  if (isKnown) return [{ key: url, max: perHost }]
  const host = URL.parse(url)?.host ?? ''
  const ofHost = { key: host, max: perHost }
  if (caller === null) return [ofHost]
  // The narrow one first: who is refused by it takes nothing from the others.
  return [{ key: `${host} for ${caller}`, max: Math.max(1, Math.floor(perHost * SHARE_OF_ADDRESS)) }, ofHost]
}

/**
 * For what nothing is stored of: known is what answered this process before.
 *
 * @returns a fetch that rejects with UnavailableError, and asks nobody, when it would be one too many
 */
export function budgeted(fetch: SafeFetch, budget: FetchBudget): SafeFetch {
  const answered = new LRUCache<string, true>({ max: MAX_COUNTERS })
  return async (url, options) => {
    const refusal = budget.spend({ url, isKnown: answered.has(url), caller: null })
    if (refusal) throw refusal
    const response = await fetch(url, options)
    if (response.status === 200) answered.set(url, true)
    return response
  }
}
