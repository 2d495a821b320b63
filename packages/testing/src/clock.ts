import type { Clock } from '@fastify-mcp-auth/core'

/** A clock that stands still until it is told to move. */
export interface SettableClock extends Clock {
  set(epochSeconds: number): void
  advance(seconds: number): void
}

/** @param start epoch seconds; the present by default, so that foreign libraries agree with it */
export function settableClock(start = Math.floor(Date.now() / 1000)): SettableClock {
  let now = start
  return {
    now: () => now,
    set(epochSeconds) {
      now = epochSeconds
    },
    advance(seconds) {
      now += seconds
    }
  }
}
