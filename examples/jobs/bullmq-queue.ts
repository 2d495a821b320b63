/** The app's side of the queue: a job is asked for, and one that waits for a person goes on. */
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'

export interface BriefingOrder {
  readonly userId: string
  /** The person knows that this waits for him. */
  readonly isTold?: boolean
}

/** Of the jobs of this example. */
export const QUEUE = 'briefings'

/** BullMQ asks for this setting: a worker waits for Redis, however long it is away. */
export const connectRedis = (url: string): Redis => new Redis(url, { maxRetriesPerRequest: null })

// A person has one briefing that waits: another order is the same one, unless it is being worked on, when it comes after it.
const oneOf = (userId: string) => ({ id: `briefing-${userId}`, keepLastIfActive: true })

export function openQueue(url: string) {
  const connection = connectRedis(url)
  const queue = new Queue<BriefingOrder>(QUEUE, { connection })
  return {
    async add(userId: string): Promise<void> {
      await queue.add(
        'briefing',
        { userId },
        {
          deduplication: oneOf(userId),
          attempts: 8,
          backoff: { type: 'exponential', delay: 5000 },
          removeOnComplete: true,
          removeOnFail: true
        }
      )
    },
    /** The person has connected something: what waited for it goes on now. */
    async goOn(userId: string): Promise<void> {
      const id = await queue.getDeduplicationJobId(oneOf(userId).id)
      const job = id === null ? undefined : await queue.getJob(id)
      if (await job?.isDelayed()) await job?.promote()
    },
    async close(): Promise<void> {
      await queue.close()
      connection.disconnect()
    }
  }
}
