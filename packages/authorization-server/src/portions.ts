/** Background work that lets requests go first. */
import { setTimeout } from 'node:timers/promises'

/** Milliseconds that a portion, and so any lock of it, is meant to take when nobody else is in its way. */
const AIM = 5

/** Records of one portion: to begin with, and at the least and the most. */
const SIZE = { first: 40, least: 25, most: 320 }

/** Portions that are looked back at. */
const REMEMBERED = 5

/** How many times as long as a portion took nothing is asked of the database after it. */
const ROOM = 2

/** The portions of one run. */
export interface Portions {
  /**
   * Runs one portion, and leaves the database to others afterwards: who waits for a lock of SQLite looks now and then whether it is free, so
   * it has to be free for longer than it is held; and an app with a database in its own process would answer nobody.
   *
   * @param most records at most
   * @param work gets how many records it may remove, and answers how many went
   */
  next(most: number, work: (size: number) => Promise<number>): Promise<number>
}

interface Time {
  /** Milliseconds since any moment. */
  now(): number
  sleep(milliseconds: number): Promise<unknown>
}

const REAL_TIME: Time = { now: () => performance.now(), sleep: milliseconds => setTimeout(milliseconds) }

/**
 * Portions that become as large as the database removes in some milliseconds. How long a record takes is not known before: an engine writes
 * one row or entries of five indexes, to pages that are in memory or on a busy disk.
 *
 * Of the last few portions the one counts that was disturbed least. What else a portion waits for, be it somebody else's lock or a
 * processor, would not become shorter with it.
 */
export function portions({ now, sleep }: Time = REAL_TIME): Portions {
  /** Milliseconds for one record, of the last portions. */
  const costs: number[] = []
  let size = SIZE.first
  return {
    async next(most, work) {
      const start = now()
      const removed = await work(Math.min(size, most))
      const took = now() - start
      if (removed > 0) {
        costs.push(took / removed)
        if (costs.length > REMEMBERED) costs.shift()
        const fitting = Math.floor(AIM / Math.min(...costs))
        size = Math.max(SIZE.least, Math.min(SIZE.most, 2 * size, fitting))
      }
      await sleep(ROOM * took)
      return removed
    }
  }
}
