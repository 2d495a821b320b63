/**
 * A worker on pg-boss, without a web framework: jobs and connections in one PostgreSQL. Start as many as you like; whatever one was doing
 * when it died, another does again.
 *
 *   DATABASE_URL=... npx -y pnpm@12.21.0 pg-boss
 */
import { makeBriefing } from './briefing-job.ts'
import { openConnections, required } from './open-connections.ts'
import { deliver, tell } from './people.ts'
import { type BriefingOrder, openBoss, QUEUE, send } from './pg-boss-queue.ts'
import { tellOfEnds, upkeep } from './upkeep.ts'

const HOUR = 3600
const { connections, close } = await openConnections(process.env)
const boss = await openBoss(required(process.env, 'DATABASE_URL'))
tellOfEnds(connections)

async function brief({ userId, isTold }: BriefingOrder): Promise<void> {
  const outcome = await makeBriefing(connections, userId)
  if ('lines' in outcome) return deliver(userId, outcome.lines)
  // Parked before anybody is told: the app calls it back when the person has connected. Looked at anyway, should that call get lost.
  await send(boss, { userId, isTold: true }, HOUR)
  if (!isTold) tell(userId, outcome.links)
}

await boss.work<BriefingOrder>(QUEUE, { pollingIntervalSeconds: 1, localConcurrency: 10 }, async ([job]) => {
  if (job) await brief(job.data)
})
await boss.work('upkeep', async () => upkeep(connections))
await boss.schedule('upkeep', '* * * * *')
await boss.send('upkeep')

process.once('SIGTERM', async () => {
  await boss.stop()
  await close()
})
