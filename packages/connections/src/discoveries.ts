/**
 * Remembers what was discovered, for refreshes, for as long as the documents say: one per refresh would be asked for far too often. Only a
 * cache of this process; a fresh challenge ends an entry, and the start of a flow never uses one.
 */
import { LRUCache } from 'lru-cache'
import type { Context, Target } from './context.ts'
import { type Discovered, type DiscoverOptions, discover } from './discovery.ts'
import { asMcpConnectionError } from './errors.ts'
import type { DiscoveryStep } from './types.ts'

/** Seconds between two looks that challenges led to. */
const COOLDOWN = 30

export class Discoveries {
  readonly #found = new LRUCache<string, { readonly found: Discovered; readonly at: number }>({ max: 500 })
  readonly #running = new Map<string, Promise<Discovered>>()

  /** What is known, or is looked up now. @param issuer the one of several that matters @throws as {@link discover} */
  async get(context: Context, target: Pick<Target, 'server' | 'definition'>, issuer?: string): Promise<Discovered> {
    const entry = this.#found.get(keyOf(target, issuer))
    const age = entry ? context.clock.now() - entry.at : Number.POSITIVE_INFINITY
    // A clock may also jump back.
    if (!entry || age < 0 || age >= entry.found.freshFor) return this.look(context, target, { issuer })
    await context.blockedIssuers.assertAllowed(entry.found.issuer, target.server.id)
    return entry.found
  }

  /** Looks again because the server said something new, but not for each of a flood of refusals. */
  async afterChallenge(
    context: Context,
    target: Pick<Target, 'server' | 'definition'>,
    options: DiscoverOptions
  ): Promise<Discovered> {
    const entry = this.#found.get(keyOf(target, options.issuer))
    if (entry && Math.abs(context.clock.now() - entry.at) < COOLDOWN) return entry.found
    return this.look(context, target, options)
  }

  /** Parallel looks at one server are one. */
  look(
    context: Context,
    target: Pick<Target, 'server' | 'definition'>,
    options: DiscoverOptions = {}
  ): Promise<Discovered> {
    const key = keyOf(target, options.issuer)
    let running = options.log ? undefined : this.#running.get(key)
    if (!running) {
      running = counted(context, discover(context, target, options))
        .then(found => {
          this.#found.set(key, { found, at: context.clock.now() })
          return found
        })
        .finally(() => {
          if (this.#running.get(key) === running) this.#running.delete(key)
        })
      if (!options.log) this.#running.set(key, running)
    }
    return running
  }
}

async function counted({ telemetry }: Context, look: Promise<Discovered>): Promise<Discovered> {
  const count = (steps: readonly DiscoveryStep[] = []): void => {
    for (const { step, outcome } of steps)
      telemetry.add('discovery.steps', { step: step.replaceAll(' ', '_'), outcome })
  }
  try {
    const found = await look
    count(found.steps)
    return found
  } catch (error) {
    count(asMcpConnectionError(error)?.steps)
    throw error
  }
}

function keyOf({ server, definition }: Pick<Target, 'server' | 'definition'>, issuer: string | undefined): string {
  const { url, oauth } = definition
  return JSON.stringify([server.id, url, oauth?.issuer, oauth?.client?.issuer, issuer])
}
