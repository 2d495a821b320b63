/**
 * Which family of revisions a server speaks, remembered for each connection: the SDK need not find it out for every client. Only a cache of
 * this process, for an hour; whatever the server refuses ends an entry.
 */
import type { Clock } from '@fastify-mcp-auth/core'
import type { Client, PriorDiscovery } from '@modelcontextprotocol/client'
import { LRUCache } from 'lru-cache'
import type { Target } from './context.ts'

/** Seconds. An old server that was renewed goes on answering in the old way, so this must end. */
const FRESH_FOR = 3600

export class Eras {
  readonly #clock: Clock
  readonly #known = new LRUCache<string, { readonly prior: PriorDiscovery; readonly at: number }>({ max: 5000 })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  recall(target: Target): PriorDiscovery | undefined {
    const entry = this.#known.get(keyOf(target))
    const age = entry ? this.#clock.now() - entry.at : Number.POSITIVE_INFINITY
    return age >= 0 && age < FRESH_FOR ? entry?.prior : undefined
  }

  /** @param client that is connected */
  learn(target: Target, client: Client): void {
    const discover = client.getDiscoverResult()
    const era = client.getProtocolEra()
    const prior: PriorDiscovery | null =
      era === 'legacy' ? { kind: 'legacy' } : discover ? { kind: 'modern', discover } : null
    if (prior) this.#known.set(keyOf(target), { prior, at: this.#clock.now() })
  }

  forget(target: Target): void {
    this.#known.delete(keyOf(target))
  }
}

// One owner's answer is not another's.
function keyOf({ place, definition }: Target): string {
  return JSON.stringify([place.id, definition.url])
}
