/**
 * A worker on BullMQ, without a web framework. Start as many as you like; whatever one was doing when it died, another does again.
 *
 *   REDIS_URL=... DATABASE_URL=... npx -y pnpm@12.21.0 bullmq
 */
import { DelayedError, type Job, Queue, Worker } from 'bullmq'
import { makeBriefing } from './briefing-job.ts'
import { type BriefingOrder, connectRedis, QUEUE } from './bullmq-queue.ts'
import { openConnections, required } from './open-connections.ts'
import { deliver, tell } from './people.ts'
import { tellOfEnds, upkeep } from './upkeep.ts'

const HOUR = 3_600_000
const { connections, close } = await openConnections(process.env)
const connection = connectRedis(required(process.env, 'REDIS_URL'))
tellOfEnds(connections)

async function brief(job: Job<BriefingOrder>, token: string | undefined): Promise<void> {
  const { userId, isTold } = job.data
  const outcome = await makeBriefing(connections, userId)
  if ('lines' in outcome) return deliver(userId, outcome.lines)
  // Parked before anybody is told: the app calls it back when the person has connected. Looked at anyway, should that call get lost.
  await job.moveToDelayed(Date.now() + HOUR, token)
  if (!isTold) {
    tell(userId, outcome.links)
    // Noted afterwards: whoever dies in between leads to a second word, not to none. A job that has gone on meanwhile needs no note.
    await job.updateData({ userId, isTold: true }).catch(() => undefined)
  }
  throw new DelayedError()
}

const queue = new Queue(QUEUE, { connection })
await queue.upsertJobScheduler('upkeep', { every: 60_000 }, { name: 'upkeep', opts: { removeOnComplete: true } })
const worker = new Worker<BriefingOrder>(
  QUEUE,
  (job, token) => (job.name === 'upkeep' ? upkeep(connections) : brief(job, token)),
  // A worker that gives no sign of life for ten seconds is dead.
  { connection, concurrency: 10, lockDuration: 10_000, stalledInterval: 5000 }
)
worker.on('failed', (job, error) => console.error(job?.id, error.message))
worker.on('error', error => console.error(error.message))

process.once('SIGTERM', async () => {
  await worker.close()
  await queue.close()
  connection.disconnect()
  await close()
})
