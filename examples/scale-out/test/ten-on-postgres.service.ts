import t from 'tap'
import { postgres } from './engines.ts'
import { startTenAtOnce } from './ten-processes.ts'

t.test('openauth 323: ten processes start at once on an empty PostgreSQL database', t => startTenAtOnce(t, postgres))
