/** The program itself, as `pnpm start` and `pnpm demo` run it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { BARE_ENVIRONMENT, startProcess } from './running-app.ts'

const run = promisify(execFile)

function program(name: string): string[] {
  return ['--conditions=@fastify-mcp-auth/source', fileURLToPath(new URL(`../${name}`, import.meta.url))]
}

t.test('starts, says how to connect, and ends when it is asked to', async t => {
  const port = String(await freePort())
  const server = await startProcess(t, { PORT: port, DATABASE_URL: 'memory:' })
  for (const words of [
    `http://127.0.0.1:${port}/mcp`,
    'alice / wonderland',
    'claude mcp add',
    'code --add-mcp',
    'inspector'
  ])
    t.ok(server.output().includes(words), words)
  const home = await fetch(server.origin)
  t.equal(home.status, 200)
  await home.text()
  await server.stop('SIGTERM')
  t.equal(server.process.exitCode, 0)
})

t.test('does not start with a setting that it cannot follow', async t => {
  const env = {
    ...BARE_ENVIRONMENT,
    PORT: String(await freePort()),
    DATABASE_URL: 'memory:',
    REDIS_URL: 'http://localhost'
  }
  await t.rejects(run(process.execPath, program('server.ts'), { env }), { code: 1, stderr: /REDIS_URL/ })
})

t.test('does not start on a port that is taken, and says so', async t => {
  const port = String(await freePort())
  await startProcess(t, { PORT: port, DATABASE_URL: 'memory:' })
  const env = { ...BARE_ENVIRONMENT, PORT: port, DATABASE_URL: 'memory:' }
  await t.rejects(run(process.execPath, program('server.ts'), { env }), {
    code: 1,
    stderr: new RegExp(`address already in use.*${port}`)
  })
})

t.test('the demo walks the whole story and prints no secret', async t => {
  const { stdout, stderr } = await run(process.execPath, program('demo.ts'), { env: BARE_ENVIRONMENT })
  const steps = [
    '401',
    'metadata',
    'registered',
    'signed in',
    'became tokens',
    'whoami',
    'Deleted',
    'refreshed',
    'revocation: 200'
  ]
  for (const step of steps) t.match(stdout, step)
  t.match(stdout, '2026-07-28')
  t.notMatch(stdout + stderr, /eyJ|[A-Za-z0-9_-]{40}/)
})
