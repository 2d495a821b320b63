/** The commands for an app that connects to other servers. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createFakeAuthorizationServer, createFakeMcpServer } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { buildConnectedApp } from '../fixture-connections.ts'
import { folderOf, run } from '../project.ts'

const [old, fresh] = ['old', 'new'].map(name => Buffer.alloc(32, name).toString('base64')) as [string, string]

/** A project with two people's keys stored under the old key. */
async function connected(t: Test, encryptionKeys: string[]) {
  const authorizationServer = await createFakeAuthorizationServer()
  const mcp = await createFakeMcpServer({ authorizationServer })
  t.teardown(() => Promise.all([authorizationServer.close(), mcp.close()]))
  const folder = folderOf(t)
  const settings = { url: `sqlite:${join(folder, 'app.sqlite')}`, notes: mcp.resource }
  const app = await buildConnectedApp({ ...settings, encryptionKeys: [old] })
  await app.ready()
  for (const id of ['alice', 'bob'])
    await app.mcpConnections.setCredential({ type: 'user', id }, 'keyed', { secret: `key-of-${id}` })
  await app.close()
  const config = join(folder, 'mcp-auth.config.mjs')
  const fixture = pathToFileURL(join(import.meta.dirname, '../fixture-connections.ts')).href
  writeFileSync(
    config,
    `import { buildConnectedApp } from ${JSON.stringify(fixture)}
export default { app: () => buildConnectedApp(${JSON.stringify({ ...settings, encryptionKeys })}) }
`
  )
  const statusWith = async (...keys: string[]) => {
    const app = await buildConnectedApp({ ...settings, encryptionKeys: keys })
    await app.ready()
    const { status } = await app.mcpConnections.status({ type: 'user', id: 'alice' }, 'keyed')
    await app.close()
    return status
  }
  return { mcp, statusWith, run: (...words: string[]) => run(...words, '--config', config) }
}

t.test('connections rotate-keys: says what remains, and then the old key can go', async t => {
  const { run, statusWith } = await connected(t, [fresh, old])
  t.equal(await statusWith(fresh), 'needs_reauth', 'without the old key they cannot be read yet')
  t.match(await run('connections', 'key-status'), { code: 0, out: /current +0\noutdated +2\nunreadable +0\n/ })
  const first = await run('connections', 'rotate-keys', '--limit', '1', '--json')
  t.strictSame([first.code, JSON.parse(first.out)], [1, { resealed: 1, remaining: 1 }])
  const second = await run('connections', 'rotate-keys')
  t.match(second, { code: 0, out: /resealed +1\nremaining +0\n/ })
  t.match(await run('connections', 'rotate-keys'), { code: 0, out: /resealed +0\n/ })
  t.equal(await statusWith(fresh), 'active')
})

t.test('connections key-status: a key that is gone is found, and nothing is changed', async t => {
  const { run, statusWith } = await connected(t, [fresh])
  const status = await run('connections', 'key-status', '--json')
  t.strictSame([status.code, JSON.parse(status.out)], [1, { current: 0, outdated: 0, unreadable: 2 }])
  t.equal(await statusWith(old), 'active')
})

t.test('feature 29: connections probe says what a server demands, before anybody connects', async t => {
  const { run, mcp } = await connected(t, [old])
  const told = await run('connections', 'probe', mcp.resource)
  t.match(told, { code: 0, out: /auth +oauth\nissuer +http.*\nresource +http.*\nscopes +.*\nregistration +dynamic\n/ })
  t.match(told.out, /server +ok +status 401/)
  const { code, out } = await run('connections', 'probe', mcp.resource, '--json')
  t.equal(code, 0)
  t.match(JSON.parse(out), {
    auth: 'oauth',
    registration: ['dynamic'],
    steps: [{ step: 'server' }],
    clockAhead: Number
  })
  t.match(await run('connections', 'probe', 'http://10.0.0.1/mcp'), { code: 1, out: /problem +the URL .*not allowed/ })
  await mcp.close()
  t.match(await run('connections', 'probe', mcp.resource), { code: 1, out: /auth +unknown/ })
})

t.test('connections stats and sweep', async t => {
  const { run } = await connected(t, [old])
  const stats = await run('connections', 'stats', '--json')
  t.equal(stats.code, 0)
  t.strictSame(JSON.parse(stats.out), [
    { server: 'notes', connections: 0, status: null },
    { server: 'keyed', connections: 2, status: '2 active' }
  ])
  t.notMatch(stats.out + stats.err, 'key-of-')
  t.match(await run('connections', 'sweep'), { code: 0, out: /removed +0\nrevoked +0\n/ })
})

t.test('doctor: an app without an authorization server, and a server that cannot be reached', async t => {
  const { run, mcp } = await connected(t, [old])
  const examine = async () => {
    const { code, out } = await run('doctor', '--json')
    const findings = JSON.parse(out) as { check: string; state: string; seen: string }[]
    return { code, findings: findings.filter(({ check }) => check === 'boot' || check.startsWith('connection')) }
  }
  t.match(await examine(), {
    code: 0,
    findings: [
      { check: 'boot', state: 'good' },
      { check: 'connection notes', state: 'good', seen: /tells how to connect/ },
      { check: 'connection keyed', state: 'skipped' }
    ]
  })
  await mcp.close()
  t.match(await examine(), { code: 1, findings: [{}, { check: 'connection notes', state: 'bad' }, {}] })
})
