/** Background work that lets requests go first. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Leaves the database to others for as long as this took: who waits for a lock of SQLite looks now and then whether it is free, and an app
 * with a database in its own process would answer nobody.
 */
export async function withRoom<T>(portion: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await portion()
  await sleep(performance.now() - start)
  return result
}
