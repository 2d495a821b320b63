/**
 * Keys that an issuer was asked for and does not have. Asking for one of them again is no reason to fetch again, or one stale token of one
 * client would mean a fetch per cooldown for ever.
 *
 * Each time that the issuer lacks a key still, it is remembered for twice as long: who signs a moment before the key is published waits for
 * one cooldown, not for ten minutes.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from './clock.ts'

/** A flood of invented ones drops others of its kind, and nothing else. */
const MAX_KEYS = 1000

interface Absence {
  /** Epoch seconds: of the fetch that did not bring it. */
  readonly since: number
  readonly seconds: number
}

export class UnknownKeys {
  readonly #absences = new LRUCache<string, Absence>({ max: MAX_KEYS })
  readonly #settings: { readonly cooldown: number; readonly longest: number; readonly clock: Clock }

  /** @param settings `cooldown`: seconds for the first time, `longest`: seconds at most */
  constructor(settings: { readonly cooldown: number; readonly longest: number; readonly clock: Clock }) {
    this.#settings = settings
  }

  /** Whether the issuer need not be asked. The key set comes first: it may have got there with the others. */
  has(name: string): boolean {
    const absence = this.#absences.get(name)
    return absence !== undefined && this.#isOn(absence)
  }

  /** @param since epoch seconds of the fetch that did not bring it */
  add(name: string, since: number): void {
    const absence = this.#absences.get(name)
    if (absence && this.#isOn(absence)) return
    const { cooldown, longest } = this.#settings
    this.#absences.set(name, { since, seconds: Math.min(absence ? 2 * absence.seconds : cooldown, longest) })
  }

  // A clock that was set back ends it.
  #isOn({ since, seconds }: Absence): boolean {
    const age = this.#settings.clock.now() - since
    return age >= 0 && age < seconds
  }
}
