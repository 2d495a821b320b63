import t from 'tap'
import { split } from './engines.ts'
import { tellWholeStory } from './whole-story.ts'

t.test('two processes behind a balancer on PostgreSQL and Redis', t => tellWholeStory(t, split))
