/**
 * Leaves a server alone that does not answer: after some failures in a row nobody waits for it any more, and once a cooldown is over a
 * single caller finds out whether it is back. Each process knows for itself.
 */
import { type Clock, UnavailableError as Unavailable, type UnavailableError } from '@fastify-mcp-auth/core'

/** `open`: nobody is let through. `half-open`: the next one is, alone. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** Each once for an outage, however long it is. */
export type BreakerEvent =
  | { readonly type: 'failed'; readonly error: UnavailableError }
  | { readonly type: 'suspended'; readonly seconds: number }
  | { readonly type: 'recovered' }

export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly maxFailures: number
  /** Seconds. */
  readonly cooldown: number
  readonly clock: Clock
  /** Whether an error says that the server is down; every other one says nothing about it. */
  readonly isOutage: (error: UnavailableError) => boolean
  readonly tell: (event: BreakerEvent) => void
}

export class Breaker {
  readonly #settings: BreakerSettings
  #failures = 0
  #openedAt: number | null = null
  #isProbing = false
  #isTold = false
  #hasAnswered = false

  constructor(settings: BreakerSettings) {
    this.#settings = settings
  }

  get state(): BreakerState {
    if (this.#openedAt === null) return 'closed'
    return this.#secondsLeft(this.#openedAt) > 0 ? 'open' : 'half-open'
  }

  /** `down` only as long as nobody is let through: a probe that waits for `up` must not keep away the caller that would find out. */
  get health(): 'unknown' | 'up' | 'down' {
    if (this.state === 'open') return 'down'
    return this.#hasAnswered && !this.#isTold ? 'up' : 'unknown'
  }

  /**
   * @param call has to end by itself, also when nobody answers
   * @throws UnavailableError of the call, or at once, with the seconds that are left
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const isProbe = this.#admit()
    try {
      const result = await call()
      this.#answered()
      return result
    } catch (error) {
      if (this.#settings.isOutage(error as UnavailableError)) this.#failed(error as UnavailableError, isProbe)
      throw error
    } finally {
      if (isProbe) this.#isProbing = false
    }
  }

  #admit(): boolean {
    if (this.#openedAt === null) return false
    const left = this.#secondsLeft(this.#openedAt)
    if (left > 0 || this.#isProbing)
      throw new Unavailable('the issuer has not answered lately, and is not asked for a while', {
        retryAfter: Math.max(1, left)
      })
    this.#isProbing = true
    return true
  }

  #answered(): void {
    this.#failures = 0
    this.#openedAt = null
    this.#hasAnswered = true
    if (this.#isTold) this.#settings.tell({ type: 'recovered' })
    this.#isTold = false
  }

  #failed(error: UnavailableError, isProbe: boolean): void {
    const { maxFailures, cooldown, clock, tell } = this.#settings
    if (!this.#isTold) tell({ type: 'failed', error })
    this.#isTold = true
    // Whoever asked before it opened has nothing to add, and must not make the cooldown longer.
    if (this.#openedAt !== null && !isProbe) return
    this.#failures++
    if (this.#failures < maxFailures) return
    if (!isProbe) tell({ type: 'suspended', seconds: cooldown })
    this.#openedAt = clock.now()
  }

  // A clock that was set back ends the cooldown instead of making it longer.
  #secondsLeft(openedAt: number): number {
    const age = this.#settings.clock.now() - openedAt
    return age < 0 ? 0 : Math.max(0, this.#settings.cooldown - age)
  }
}
