/** Starts two processes of the app behind a balancer, on the PostgreSQL and the Redis that are named. */
import { startCluster } from './cluster.ts'

const { DATABASE_URL, REDIS_URL, ENCRYPTION_KEY, PUBLIC_URL, LOG_LEVEL } = process.env
const { HOST = '127.0.0.1', PORT = '3000', PROCESSES = '2' } = process.env
for (const [name, value] of Object.entries({ DATABASE_URL, REDIS_URL, ENCRYPTION_KEY }))
  if (!value) {
    console.error(`${name} is missing: see README.md, or start everything with "docker compose up"`)
    process.exit(1)
  }

const cluster = await startCluster({
  processes: Number(PROCESSES),
  host: HOST,
  port: Number(PORT),
  environment: { DATABASE_URL, REDIS_URL, ENCRYPTION_KEY, ...(PUBLIC_URL ? { PUBLIC_URL } : {}), LOG_LEVEL },
  log: line => console.error(line)
})
const pids = cluster.running().map(({ child }) => child.pid)
console.log(`${cluster.origin}, served by processes ${pids.join(' and ')}. Kill one of them: nobody notices.`)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => cluster.close().then(() => process.exit(0)))
