/** What `init` writes runs as it is: sign-in, consent, tokens, a tool call, and the commands on it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createOAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { folderOf, run } from './project.ts'

/** Puts the packages there that `npm install` would bring. */
function install(folder: string): void {
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

function node(t: Test, folder: string, ...args: string[]): { child: ChildProcess; output(): string } {
  const child = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => chunks.push(text))
  return { child, output: () => chunks.join('') }
}

async function command(t: Test, folder: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const { child, output } = node(t, folder, BIN, ...args)
  const [code] = (await once(child, 'close')) as [number]
  return { code, output: output() }
}

t.test(
  'init writes an app that starts, signs a person in, and answers a tool call; the commands work on it',
  async t => {
    const folder = join(folderOf(t), 'My App')
    const written = await run('init', folder)
    t.equal(written.code, 0)
    for (const file of [
      'app.js',
      'server.js',
      'login.js',
      'settings.js',
      'storage.js',
      'mcp-auth.config.js',
      'package.json',
      '.env',
      '.gitignore'
    ])
      t.match(written.out, `wrote ${file}`)
    const env = readFileSync(join(folder, '.env'), 'utf8')
    const key = /^ENCRYPTION_KEY=(.{44})$/m.exec(env)?.[1] ?? ''
    t.equal(Buffer.from(key, 'base64').length, 32)
    t.notOk(written.out.includes(key) || written.err.includes(key), 'the key is not printed')
    t.equal(statSync(join(folder, '.env')).mode & 0o077, 0, 'and nobody else can read it')

    install(folder)
    const port = await freePort()
    writeFileSync(join(folder, '.env'), env.replace('PORT=3000', `PORT=${port}`))
    const server = node(t, folder, 'server.js')
    while (!server.output().includes('claude mcp add')) {
      if (server.child.exitCode !== null) throw new Error(server.output())
      await new Promise(done => setTimeout(done, 20))
    }

    const resource = `http://127.0.0.1:${port}/mcp`
    const client = createOAuthClient({ resource })
    const { codeVerifier, url } = await client.start()
    const login = await client.browser.open(url)
    const page = await client.browser.submit(login, { fields: { username: 'alice' } })
    const { leavesTo } = await client.decide(page)
    const code = new URL(leavesTo ?? '').searchParams.get('code')
    const tokens = (await client.redeem({ code, codeVerifier, redirectUri: client.redirectUri })).json<{
      access_token: string
    }>()
    const answer = await fetch(resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens.access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream'
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } })
    })
    t.match(await answer.text(), 'alice')

    const doctor = await command(t, folder, 'doctor')
    t.equal(doctor.code, 0, doctor.output)
    const stats = await command(t, folder, 'stats')
    t.match(stats.output, /grants +1/)
    t.notOk(`${doctor.output}${stats.output}${server.output()}`.includes(key))
  }
)

t.test('init leaves alone what is there', async t => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'app.js'), 'mine')
  const { out } = await run('init', folder)
  t.match(out, 'kept  app.js')
  t.equal(readFileSync(join(folder, 'app.js'), 'utf8'), 'mine')
  const key = readFileSync(join(folder, '.env'), 'utf8')
  t.equal((await run('init', folder)).code, 0)
  t.equal(readFileSync(join(folder, '.env'), 'utf8'), key)
})

t.test('the sign-in of the scaffold refuses to serve anybody but this computer', async t => {
  const folder = join(folderOf(t), 'app')
  await run('init', folder)
  install(folder)
  writeFileSync(join(folder, '.env'), `${readFileSync(join(folder, '.env'), 'utf8')}\nPUBLIC_URL=https://app.example\n`)
  const { child, output } = node(t, folder, 'server.js')
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  t.match(output(), /login\.js lets everybody in/)
})

t.test('the versions that the scaffold asks for are those that the tests run with', t => {
  const read = (file: string) => JSON.parse(readFileSync(resolve(import.meta.dirname, '..', file), 'utf8'))
  const { dependencies } = read('templates/package.json') as { dependencies: Record<string, string> }
  const { devDependencies } = read('package.json') as { devDependencies: Record<string, string> }
  for (const [name, range] of Object.entries(dependencies)) {
    if (name.startsWith('@fastify-mcp-auth/')) continue
    const { version } = read(`node_modules/${name}/package.json`) as { version: string }
    t.equal(range, `^${version}`, name)
    t.ok(name in devDependencies, name)
  }
  t.end()
})
