import t from 'tap'
import { mariadb } from './engines.ts'
import { startTenAtOnce } from './ten-processes.ts'

t.test('openauth 323: ten processes start at once on an empty MariaDB database', t => startTenAtOnce(t, mariadb))
