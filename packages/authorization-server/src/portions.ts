/** Background work that lets requests go first. */
import { setTimeout } from 'node:timers/promises'

/** Milliseconds that a portion, and so any lock of it, is meant to take: above the upper bound they get smaller, below the lower one larger. */
const AIM = { least: 5, most: 15 }

/** Records of one portion: to begin with, and at the least and the most. */
const SIZE = { first: 40, least: 10, most: 320 }

/** How many times as long as a portion took nothing is asked of the database after it. */
const ROOM = 2

/** The portions of one run. */
export interface Portions {
  /**
   * Runs one portion, and leaves the database to others afterwards: who waits for a lock of SQLite looks now and then whether it is free, so
   * it has to be free for longer than it is held; and an app with a database in its own process would answer nobody.
   *
   * @param most records at most
   * @param work gets how many records it may take
   */
  next<T>(most: number, work: (size: number) => Promise<T>): Promise<T>
}

interface Time {
  /** Milliseconds since any moment. */
  now(): number
  sleep(milliseconds: number): Promise<unknown>
}

const REAL_TIME: Time = { now: () => performance.now(), sleep: milliseconds => setTimeout(milliseconds) }

/**
 * Portions that become as large as the database removes in some milliseconds. How long a record takes is not known before: some pages of it
 * are in memory on one machine and on a busy disk on another, and an engine writes one row or entries of five indexes.
 */
export function portions({ now, sleep }: Time = REAL_TIME): Portions {
  let size = SIZE.first
  return {
    async next(most, work) {
      const isWhole = most >= size
      const start = now()
      const result = await work(Math.min(size, most))
      const took = now() - start
      if (took > AIM.most) size = Math.max(SIZE.least, size / 2)
      // A portion that was smaller than it might have been says nothing about larger ones.
      else if (took < AIM.least && isWhole) size = Math.min(SIZE.most, size * 2)
      await sleep(ROOM * took)
      return result
    }
  }
}
