import t from 'tap'
import { redis } from './engines.ts'
import { tellWholeStory } from './whole-story.ts'

t.test('two processes behind a balancer on Redis alone', t => tellWholeStory(t, redis))
