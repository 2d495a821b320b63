import t from 'tap'
import { postgres } from './engines.ts'
import { tellWholeStory } from './whole-story.ts'

t.test('two processes behind a balancer on PostgreSQL', t => tellWholeStory(t, postgres))
