/** The app's side of the queue: a job is asked for, and one that waits for a person goes on. */
import { PgBoss } from 'pg-boss'

export interface BriefingOrder {
  readonly userId: string
  /** The person knows that this waits for him. */
  readonly isTold?: boolean
}

/** Of the jobs of this example. */
export const QUEUE = 'briefings'

/** One that waits and one that runs for each person; a worker that gives no sign of life for ten seconds is dead. */
const RULES = { policy: 'stately', heartbeatSeconds: 10, retryLimit: 8, retryDelay: 5, retryBackoff: true } as const

/** Starts, and makes the queue if it is not there. */
export async function openBoss(url: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: url, superviseIntervalSeconds: 5, monitorIntervalSeconds: 5 })
  boss.on('error', error => console.error(error.message))
  await boss.start()
  await boss.createQueue(QUEUE, RULES)
  await boss.createQueue('upkeep', { policy: 'singleton' })
  return boss
}

/** @param wait seconds; a job for this person that waits already stays what it is */
export async function send(boss: PgBoss, order: BriefingOrder, wait = 0): Promise<void> {
  await boss.send(QUEUE, order, { singletonKey: order.userId, startAfter: wait })
}

/** The person has connected something: what waited for it goes on now. */
export async function goOn(boss: PgBoss, userId: string): Promise<void> {
  await boss.update(QUEUE, undefined, { singletonKey: userId, startAfter: new Date() })
}
