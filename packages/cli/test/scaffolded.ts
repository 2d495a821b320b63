/** What `init` wrote, as a person goes on with it: installs, starts, runs commands. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'

/** Puts the packages there that `npm install` would bring. */
export function install(folder: string): void {
  const from = resolve(import.meta.dirname, '../node_modules')
  const to = join(folder, 'node_modules')
  mkdirSync(join(to, '@fastify-mcp-auth'), { recursive: true })
  for (const name of readdirSync(from))
    if (name === '@fastify-mcp-auth')
      for (const own of readdirSync(join(from, name))) symlinkSync(join(from, name, own), join(to, name, own))
    else if (!name.startsWith('.')) symlinkSync(join(from, name), join(to, name))
  symlinkSync(resolve(import.meta.dirname, '..'), join(to, '@fastify-mcp-auth/cli'))
}

const BIN = resolve(import.meta.dirname, '../src/bin.ts')

/** No settings of whoever runs the tests; what Node made of the source before is not made again by each process. */
const { PATH, NODE_COMPILE_CACHE } = process.env

export function node(t: Test, folder: string, ...args: string[]): { child: ChildProcess; output(): string } {
  const child = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', ...args], {
    cwd: folder,
    env: { PATH, NODE_COMPILE_CACHE },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => chunks.push(text))
  return { child, output: () => chunks.join('') }
}

export async function command(t: Test, folder: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const { child, output } = node(t, folder, BIN, ...args)
  const [code] = (await once(child, 'close')) as [number]
  return { code, output: output() }
}

/** `npm start`, on a port that is free. */
export async function serve(
  t: Test,
  folder: string
): Promise<{ origin: string; output(): string; stop(): Promise<void> }> {
  const port = await freePort()
  const env = join(folder, '.env')
  writeFileSync(env, readFileSync(env, 'utf8').replace(/^PORT=\d+$/m, `PORT=${port}`))
  const { child, output } = node(t, folder, 'server.js')
  const origin = `http://127.0.0.1:${port}`
  while (!output().includes(`${origin}\n`)) {
    if (child.exitCode !== null) throw new Error(output())
    await new Promise(done => setTimeout(done, 20))
  }
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'close')
  }
  return { origin, output, stop }
}
