import t from 'tap'
import { sqlite } from './engines.ts'
import { startTenAtOnce } from './ten-processes.ts'

t.test('openauth 323: ten processes start at once on an empty SQLite file', t => startTenAtOnce(t, sqlite))
