/**
 * Remembers what was discovered, for all owners, for as long as the documents say. Where a server belongs is remembered by server, and the
 * start of a flow looks at it anew; what an authorization server says about itself is remembered by issuer: {@link Issuers}.
 *
 * Only a cache of this process; a fresh challenge ends what is there of both.
 */
import { LRUCache } from 'lru-cache'
import { type Context, routeOf, type ServerTarget } from './context.ts'
import { conclude, type Discovered, type DiscoverOptions } from './discovery.ts'
import { asMcpConnectionError } from './errors.ts'
import type { IssuerDocument } from './issuer-metadata.ts'
import { COOLDOWN, Issuers } from './issuers.ts'
import { readServer, type ServerMetadata } from './server-metadata.ts'
import { StepLog } from './step-log.ts'
import type { DiscoveryStep } from './types.ts'

export class Discoveries {
  readonly #servers = new LRUCache<string, { readonly server: ServerMetadata; readonly at: number }>({ max: 500 })
  readonly #running = new Map<string, Promise<Discovered>>()
  readonly #issuers = new Issuers()

  /** What is known, or is looked up now. @param issuer the one of several that matters @throws as `discover` */
  async get(context: Context, target: ServerTarget, issuer?: string): Promise<Discovered> {
    const entry = this.#servers.get(keyOf(target))
    const age = entry ? context.clock.now() - entry.at : Number.POSITIVE_INFINITY
    // A clock may also jump back.
    if (!entry || age < 0 || age >= entry.server.freshFor) return this.look(context, target, { issuer })
    return this.#conclude(context, target, { server: entry.server, issuer, log: new StepLog() })
  }

  /** Looks again because the server said something new, but not for each of a flood of refusals. */
  async afterChallenge(context: Context, target: ServerTarget, options: DiscoverOptions): Promise<Discovered> {
    const entry = this.#servers.get(keyOf(target))
    const { issuer } = options
    if (entry && Math.abs(context.clock.now() - entry.at) < COOLDOWN)
      return this.#conclude(context, target, { server: entry.server, issuer, log: new StepLog() })
    return this.#together(context, target, { ...options, isNews: true })
  }

  /** Looks at the server, whatever is known of it. */
  look(context: Context, target: ServerTarget, options: DiscoverOptions = {}): Promise<Discovered> {
    return this.#together(context, target, { ...options, isNews: false })
  }

  /**
   * Does what needs an authorization server. Where that fails, what is remembered of it may be what is wrong, and the next to ask reads it
   * anew.
   */
  async using<T>({ issuer }: Pick<Discovered, 'issuer'>, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      this.#issuers.doubt(issuer)
      throw error
    }
  }

  /** What this process remembers of authorization servers. */
  documents(): readonly IssuerDocument[] {
    return this.#issuers.documents()
  }

  /** Parallel looks at one server are one. */
  #together(context: Context, target: ServerTarget, options: DiscoverOptions & Novelty): Promise<Discovered> {
    const key = JSON.stringify([keyOf(target), options.issuer, options.isNews])
    let running = this.#running.get(key)
    if (!running) {
      running = counted(context, this.#look(context, target, options)).finally(() => {
        if (this.#running.get(key) === running) this.#running.delete(key)
      })
      this.#running.set(key, running)
    }
    return running
  }

  async #look(
    context: Context,
    target: ServerTarget,
    { challenge, issuer, isNews }: DiscoverOptions & Novelty
  ): Promise<Discovered> {
    const log = new StepLog()
    const key = keyOf(target)
    const read = await readServer(routeOf(context, target), target, { challenge, log })
    // A challenge is about the token of one owner, and this is for all of them: what anybody is asked for stays what it was.
    const challengeScopes = challenge ? (this.#servers.get(key)?.server.challengeScopes ?? null) : read.challengeScopes
    const server = Object.freeze({ ...read, challengeScopes })
    this.#servers.set(key, { server, at: context.clock.now() })
    return this.#conclude(context, target, { server, issuer, log, isNews })
  }

  #conclude(
    context: Context,
    target: ServerTarget,
    known: Omit<Parameters<typeof conclude>[2], 'read'> & Partial<Novelty>
  ): Promise<Discovered> {
    const { isNews = false } = known
    const asker = { server: target.server.id, route: routeOf(context, target), clock: context.clock }
    return conclude(context, target, {
      ...known,
      read: spellings => this.#issuers.read(asker, spellings, isNews)
    })
  }
}

/** Whether a challenge says that what is remembered may be wrong. */
interface Novelty {
  readonly isNews: boolean
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

function keyOf({ server, definition }: ServerTarget): string {
  return JSON.stringify([server.id, definition.url])
}
