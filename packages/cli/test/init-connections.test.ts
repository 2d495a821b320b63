/** What `init connections` writes type-checks and runs as it is: a person connects a server, a page and a job use it. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { createBrowser, fetchTransport, visitAuthorization } from '@fastify-mcp-auth/testing'
import { createFakeAuthorizationServer, createFakeMcpServer } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { folderOf, run } from './project.ts'
import { command, install, node, serve } from './scaffolded.ts'

const ROOT = resolve(import.meta.dirname, '../../..')

function replace(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
  writeFileSync(file, text.replace(from, to))
}

t.test('feature 1: it type-checks, strictly', async t => {
  const folder = folderOf(t)
  t.equal((await run('init', 'connections', folder)).code, 0)
  install(folder)
  const config = {
    extends: relative(folder, join(ROOT, '.config/tsconfig.base.json')),
    compilerOptions: { noEmit: true, composite: false, declaration: false, declarationMap: false, sourceMap: false },
    include: ['*.js']
  }
  const more = {
    allowJs: true,
    checkJs: true,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true
  }
  const types = { types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] }
  Object.assign(config.compilerOptions, more, types)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { status, stdout } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  t.equal(status, 0, stdout)
})

t.test('feature 1: an app whose people connect a server, and a job that uses it', async t => {
  const authorizationServer = await createFakeAuthorizationServer()
  const mcp = await createFakeMcpServer({ authorizationServer })
  t.teardown(() => Promise.all([authorizationServer.close(), mcp.close()]))
  const folder = join(folderOf(t), 'desk')
  const written = await run('init', 'connections', folder)
  t.equal(written.code, 0)
  for (const file of ['connections.js', 'job.js', 'app.js', 'mcp-auth.config.js', '.env', '.env.example'])
    t.match(written.out, `wrote ${file}`)
  t.notMatch(written.err, 'To do')
  const key = /^ENCRYPTION_KEY=(.{44})$/m.exec(readFileSync(join(folder, '.env'), 'utf8'))?.[1] ?? ''
  t.equal(Buffer.from(key, 'base64').length, 32)
  t.match(readFileSync(join(folder, '.env.example'), 'utf8'), /^ENCRYPTION_KEY=$/m)

  install(folder)
  replace(join(folder, 'connections.js'), "linear: preset('linear')", `linear: { url: '${mcp.resource}' }`)
  const migration = await command(t, folder, 'migrate', '--print')
  t.match(migration, { code: 0, output: /create table .*connections/i })

  const { origin, output } = await serve(t, folder)
  const browser = createBrowser(fetchTransport())
  let page = await browser.open(`${origin}/tools`)
  page = await browser.submit(page, { fields: { username: 'alice' } })
  t.equal(new URL(page.url ?? origin).pathname, '/mcp/connections/connect/linear', 'the page leads to what it needs')
  page = await browser.submit(page)
  const answer = await visitAuthorization(browser, page.leavesTo ?? '', { username: 'alice', password: 'any' })
  page = await browser.open(answer.leavesTo ?? '')
  t.match(JSON.parse(page.body), [{ name: 'whoami' }], 'and back to it')

  const job = async (who: string) => {
    const { child, output } = node(t, folder, 'job.js', who)
    const code = await new Promise(done => child.once('close', done))
    return { code, output: output() }
  }
  t.match(await job('alice'), { code: 0, output: /^linear: .*whoami/ })
  t.match(await job('bob'), { code: 0, output: /^linear: MCP_NOT_CONNECTED, mended at http.*connect\/linear/ })
  t.match(await command(t, folder, 'connections', 'stats'), { code: 0, output: /linear +1 +1 active/ })
  const doctor = await command(t, folder, 'doctor')
  t.equal(doctor.code, 0, doctor.output)
  t.notOk(`${output()}${doctor.output}${written.out}${written.err}`.includes(key))
})

t.test('feature 1: beside an app that is there: nothing is overwritten, and what is left to do is enough', async t => {
  const folder = folderOf(t)
  await run('init', folder)
  const before = readFileSync(join(folder, 'app.js'), 'utf8')
  const env = readFileSync(join(folder, '.env'), 'utf8')
  const { out, err } = await run('init', 'connections', folder)
  for (const file of ['app.js', 'package.json', 'login.js', 'mcp-auth.config.js']) t.match(out, `kept  ${file}`)
  t.match(out, 'wrote connections.js')
  t.equal(readFileSync(join(folder, 'app.js'), 'utf8'), before)
  t.equal(readFileSync(join(folder, '.env'), 'utf8'), env)
  for (const rest of ['npm install @fastify-mcp-auth/connections', 'await addConnections(app, storage)', 'COLLECTIONS'])
    t.ok(err.includes(rest), rest)

  install(folder)
  replace(join(folder, 'app.js'), 'export async', "import { addConnections } from './connections.js'\nexport async")
  replace(
    join(folder, 'app.js'),
    '  await app.register(login)\n',
    '  await app.register(login)\n  await addConnections(app, storage)\n'
  )
  replace(
    join(folder, 'mcp-auth.config.js'),
    'export default',
    "import { COLLECTIONS } from '@fastify-mcp-auth/connections'\nexport default"
  )
  replace(
    join(folder, 'mcp-auth.config.js'),
    '  collections\n',
    '  collections: [...collections, ...Object.values(COLLECTIONS)]\n'
  )
  const { origin } = await serve(t, folder)
  const browser = createBrowser(fetchTransport())
  const login = await browser.open(`${origin}/mcp/connections`)
  const page = await browser.submit(login, { fields: { username: 'alice' } })
  t.match(page.body, 'Linear')
  t.match(await command(t, folder, 'migrate', '--dry-run'), { code: 0, output: /Nothing is missing/ })
})

t.test('feature 1: a folder that is called "connections"', async t => {
  const before = process.cwd()
  const folder = folderOf(t)
  process.chdir(folder)
  t.teardown(() => process.chdir(before))
  await run('init', './connections')
  t.ok(existsSync(join(folder, 'connections/app.js')))
  t.notOk(existsSync(join(folder, 'connections/job.js')))
  t.equal((await run('init', 'connections', 'a', 'b')).code, 2)
})
