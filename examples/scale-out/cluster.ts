/** Processes of the app behind the balancer: started, watched, and replaced when they die. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createBalancer } from './balancer.ts'

export interface ClusterSettings {
  readonly processes: number
  /** Where the balancer listens: the address that clients know. */
  readonly host: string
  readonly port: number
  /** Settings of the app: DATABASE_URL, REDIS_URL, ENCRYPTION_KEY, and PUBLIC_URL where it is not the balancer itself. */
  readonly environment: { readonly [name: string]: string | undefined }
  /** Told of what the processes write, and of their ends. */
  log(line: string): void
}

export interface AppProcess {
  /** Where it can be reached without the balancer. */
  readonly origin: string
  readonly child: ChildProcess
}

export interface Cluster {
  readonly origin: string
  /** Those that serve now. */
  running(): readonly AppProcess[]
  close(): Promise<void>
}

const APP = fileURLToPath(import.meta.resolve('example-all-in-one/server.ts'))

/** Milliseconds before a process that died, or did not start in its place, is started again. */
const PAUSE = 500

/** @throws Error when one of the processes does not start */
export async function startCluster(settings: ClusterSettings): Promise<Cluster> {
  const serving = new Map<number, AppProcess>()
  const children = new Set<ChildProcess>()
  let closing = false
  const balancer = createBalancer(() => [...serving.values()].map(({ origin }) => origin))
  balancer.listen(settings.port, settings.host)
  await once(balancer, 'listening')
  const { port } = balancer.address() as { port: number }
  const origin = `http://127.0.0.1:${port}`

  async function keepRunning(slot: number): Promise<void> {
    const started = await startProcess({ PUBLIC_URL: origin, ...settings.environment }, children, settings.log)
    serving.set(slot, started)
    started.child.once('exit', async (code, signal) => {
      serving.delete(slot)
      if (closing) return
      settings.log(`process ${started.child.pid} ended (${signal ?? code}); another one takes its place`)
      await replace(slot)
    })
  }

  // Tried until one starts: the database may be away just then.
  async function replace(slot: number): Promise<void> {
    await sleep(PAUSE)
    if (closing) return
    await keepRunning(slot).catch(error => {
      settings.log(String(error))
      return replace(slot)
    })
  }

  async function close(): Promise<void> {
    closing = true
    balancer.close().closeAllConnections()
    const ends = [...children].map(child => once(child, 'exit'))
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(ends)
  }

  try {
    await Promise.all(Array.from({ length: settings.processes }, (_, slot) => keepRunning(slot)))
  } catch (error) {
    await close()
    throw error
  }
  return { origin, running: () => [...serving.values()], close }
}

async function startProcess(
  environment: ClusterSettings['environment'],
  children: Set<ChildProcess>,
  log: (line: string) => void
): Promise<AppProcess> {
  const port = String(await freePort())
  const child = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', APP], {
    env: { PATH: process.env['PATH'], ...environment, HOST: '127.0.0.1', PORT: port },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  children.add(child)
  child.once('exit', () => children.delete(child))
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      lines.push(text)
      log(`${child.pid}: ${String(text).trimEnd()}`)
    })
  while (!lines.join('').includes('Stop with Ctrl+C')) {
    const isOver = child.exitCode !== null || child.signalCode !== null
    // Somebody else was given the port meanwhile.
    if (isOver && lines.join('').includes('EADDRINUSE')) return startProcess(environment, children, log)
    if (isOver) throw new Error(`the app did not start: ${lines.join('')}`)
    await sleep(20)
  }
  return { origin: `http://127.0.0.1:${port}`, child }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
