import t from 'tap'
import { sqlite } from './engines.ts'
import { tellWholeStory } from './whole-story.ts'

t.test('two processes behind a balancer on one SQLite file', t => tellWholeStory(t, sqlite))
