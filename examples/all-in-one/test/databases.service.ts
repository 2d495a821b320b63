/** The example on the databases that many machines can share: PostgreSQL, MariaDB or MySQL, and Redis. */
import t from 'tap'
import { mariadb, postgres, split } from '../../scale-out/test/engines.ts'
import { raceTwoProcesses } from './two-processes.ts'

t.test('two processes on one PostgreSQL database', async t => {
  const { DATABASE_URL } = await postgres(t)
  await raceTwoProcesses(t, DATABASE_URL)
})

t.test('two processes on one MariaDB database', async t => {
  const { DATABASE_URL } = await mariadb(t)
  await raceTwoProcesses(t, DATABASE_URL)
})

t.test('two processes on PostgreSQL and Redis: one of them is killed, and nothing handed out is lost', async t => {
  const { DATABASE_URL, REDIS_URL } = await split(t)
  await raceTwoProcesses(t, DATABASE_URL, REDIS_URL)
})
