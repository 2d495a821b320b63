/** Whichever queue the environment names: Redis with `REDIS_URL`, else PostgreSQL. */
import * as bullmq from './bullmq-queue.ts'
import { required } from './open-connections.ts'
import * as pgBoss from './pg-boss-queue.ts'

export interface BriefingQueue {
  add(userId: string): Promise<void>
  goOn(userId: string): Promise<void>
  close(): Promise<void>
}

export async function openQueueOf(environment: Readonly<Record<string, string | undefined>>): Promise<BriefingQueue> {
  const redisUrl = environment['REDIS_URL']
  if (redisUrl) return bullmq.openQueue(redisUrl)
  const boss = await pgBoss.openBoss(required(environment, 'DATABASE_URL'))
  return {
    add: userId => pgBoss.send(boss, { userId }),
    goOn: userId => pgBoss.goOn(boss, userId),
    close: () => boss.stop()
  }
}
