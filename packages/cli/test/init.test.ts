/** What `init` writes runs as it is: sign-in, consent, tokens, a tool call, and the commands on it. */
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join, resolve } from 'node:path'
import { createOAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { folderOf, run } from './project.ts'
import { command, install, node, serve } from './scaffolded.ts'

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
      'users.js',
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
    const server = await serve(t, folder)
    t.match(server.output(), 'claude mcp add')
    const resource = `${server.origin}/mcp`
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

t.test('with a sign-in of its own it starts behind a proxy that ends TLS, and believes what that says', async t => {
  for (const [kind, path, status] of [
    ['app', '/mcp', 401],
    ['connections', '/mcp/connections', 303]
  ] as const) {
    const folder = join(folderOf(t), 'app')
    await run('init', ...(kind === 'connections' ? [kind] : []), folder)
    install(folder)
    const login = join(folder, 'login.js')
    writeFileSync(login, readFileSync(login, 'utf8').replace('if (!isHttpLoopback(publicUrl))', 'if (false)'))
    const { port, output } = await servePublicly(t, folder, 'https://app.example')
    const headers = { host: 'app.example', 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
    const asked = request({ port, path, method: kind === 'app' ? 'POST' : 'GET', headers }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    t.equal(answer.statusCode, status, `${kind}: ${output()}`)
    t.notMatch(output(), 'trustProxy', kind)
    answer.resume()
  }
})

async function servePublicly(t: Test, folder: string, publicUrl: string): Promise<{ port: number; output(): string }> {
  const port = await freePort()
  const env = join(folder, '.env')
  writeFileSync(env, `${readFileSync(env, 'utf8')}\nPORT=${port}\nPUBLIC_URL=${publicUrl}\n`)
  const { child, output } = node(t, folder, 'server.js')
  while (!output().includes(`${publicUrl}\n`)) {
    if (child.exitCode !== null) throw new Error(output())
    await new Promise(done => setTimeout(done, 20))
  }
  return { port, output }
}

t.test('the versions that the scaffold asks for are those that the tests run with', t => {
  const read = (file: string) => JSON.parse(readFileSync(resolve(import.meta.dirname, '..', file), 'utf8'))
  const { devDependencies } = read('package.json') as { devDependencies: Record<string, string> }
  for (const kind of ['app', 'connections']) {
    const { dependencies } = read(`templates/${kind}/package.json`) as { dependencies: Record<string, string> }
    for (const [name, range] of Object.entries(dependencies)) {
      if (name.startsWith('@fastify-mcp-auth/')) continue
      const { version } = read(`node_modules/${name}/package.json`) as { version: string }
      t.equal(range, `^${version}`, name)
      t.ok(name in devDependencies, name)
    }
  }
  t.end()
})
