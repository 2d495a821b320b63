import t from 'tap'
import { mariadb } from './engines.ts'
import { tellWholeStory } from './whole-story.ts'

t.test('two processes behind a balancer on MariaDB', t => tellWholeStory(t, mariadb))
