import t from 'tap'
import { postgres, redis } from '../../scale-out/test/engines.ts'
import { tellStory } from './whole-story.ts'

t.test(
  'items 11, 68, 71, 77: BullMQ: several servers in one job, parked for a person, not lost with its worker',
  async t => {
    const { DATABASE_URL } = await postgres(t)
    const { DATABASE_URL: REDIS_URL } = await redis(t)
    await tellStory(t, { worker: 'bullmq-worker.ts', environment: { DATABASE_URL, REDIS_URL } })
  }
)
