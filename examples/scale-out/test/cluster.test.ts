import { setTimeout as sleep } from 'node:timers/promises'
import { BARE_ENVIRONMENT, TEST_KEY } from 'example-all-in-one/test/running-app.ts'
import t from 'tap'
import { startCluster } from '../cluster.ts'

t.test('a process that dies while the database is away is replaced once it is back', async t => {
  const environment = { ...BARE_ENVIRONMENT, DATABASE_URL: 'memory:', ENCRYPTION_KEY: TEST_KEY }
  const lines: string[] = []
  const cluster = await startCluster({
    processes: 1,
    host: '127.0.0.1',
    port: 0,
    environment,
    log: line => lines.push(line)
  })
  t.teardown(() => cluster.close())
  const failures = (): number => lines.filter(line => line.startsWith('Error: the app did not start')).length

  environment.DATABASE_URL = 'postgres://127.0.0.1:1/nobody'
  cluster.running()[0]?.child.kill('SIGKILL')
  while (failures() < 2) await sleep(20)
  t.equal(cluster.running().length, 0)

  environment.DATABASE_URL = 'memory:'
  while (cluster.running().length === 0) await sleep(20)
  t.equal((await fetch(`${cluster.origin}/.well-known/jwks.json`)).status, 200)
})
