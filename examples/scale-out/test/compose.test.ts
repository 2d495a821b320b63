/** The compose file, as far as it can be seen without Docker: it is well formed, and starts what the tests start. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'

interface Service {
  image: string
  command?: string
  working_dir?: string
  volumes?: string[]
  ports?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string; interval: string; retries: number }
}

const folder = resolve(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(resolve(folder, file), 'utf8')
const { services, volumes } = parse(read('compose.yaml')) as {
  services: Record<'app' | 'postgres' | 'redis', Service>
  volumes: object
}
const { app, postgres, redis } = services

t.test('what it starts is what `start` starts, from the folder that it mounts', async t => {
  t.equal(app.command, JSON.parse(read('package.json')).scripts.start)
  const [mount = ''] = app.volumes ?? []
  const [from = '', to = '', mode] = mount.split(':')
  t.ok(existsSync(resolve(folder, from, 'pnpm-workspace.yaml')), 'the root of the repository')
  t.equal(mode, 'ro')
  t.equal(app.working_dir, `${to}/examples/scale-out`)
  t.match(app.image, /^node:\d+$/)
  t.ok(Number(app.image.slice('node:'.length)) >= 24, 'a Node that reads TypeScript by itself')
})

t.test(
  'it is given every setting that the server reads and cannot do without, and none that it does not know',
  async t => {
    const given = app.environment ?? {}
    const source = read('server.ts')
    for (const name of Object.keys(given)) t.match(source, new RegExp(`\\b${name}\\b`))
    t.equal(Buffer.from(given['ENCRYPTION_KEY'] ?? '', 'base64').length, 32)
    const database = new URL(given['DATABASE_URL'] ?? '')
    t.equal(database.hostname, 'postgres')
    t.equal(database.password, postgres.environment?.['POSTGRES_PASSWORD'])
    t.equal(new URL(given['REDIS_URL'] ?? '').hostname, 'redis')
  }
)

t.test('it waits for healthy databases, and only the app can be reached, from this computer', async t => {
  t.strictSame(app.depends_on, { postgres: { condition: 'service_healthy' }, redis: { condition: 'service_healthy' } })
  for (const { healthcheck } of [postgres, redis]) t.match(healthcheck, { test: /\S/, interval: /^\d+s$/ })
  t.strictSame(app.ports, ['127.0.0.1:3000:3000'])
  t.equal(app.environment?.['HOST'], '0.0.0.0', 'of the container')
  for (const service of [postgres, redis]) t.notOk(service.ports)
})

t.test(
  'Redis has the setting without which the boot is refused, and what PostgreSQL keeps outlives its container',
  async t => {
    t.match(redis.command, /--maxmemory-policy noeviction/)
    const [volume = ''] = postgres.volumes ?? []
    t.ok((volume.split(':')[0] ?? '') in volumes)
  }
)
