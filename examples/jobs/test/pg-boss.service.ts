import t from 'tap'
import { postgres } from '../../scale-out/test/engines.ts'
import { tellStory } from './whole-story.ts'

t.test(
  'items 11, 68, 71, 77: pg-boss: several servers in one job, parked for a person, not lost with its worker',
  async t => {
    const { DATABASE_URL } = await postgres(t)
    await tellStory(t, { worker: 'pg-boss-worker.ts', environment: { DATABASE_URL } })
  }
)
