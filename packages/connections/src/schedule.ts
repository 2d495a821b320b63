/**
 * When something has to be done about a connection. Records are found by the ten minutes that their time falls into, so a look at what
 * is due costs as much as there is due, in any database, and nothing that is owed is forgotten because no process was there to see it.
 */
const BUCKET = 600

/** Index value of an epoch second. Never in the past: what is late already is due now. */
export function dueFields(dueAt: number | null, now: number): { dueAt: number | null; dueBucket: string | null } {
  return { dueAt, dueBucket: dueAt === null ? null : String(bucketOf(Math.max(dueAt, now))) }
}

export function bucketOf(time: number): number {
  return Math.floor(time / BUCKET)
}
