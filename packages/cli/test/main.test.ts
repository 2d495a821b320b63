/** From words to exit codes. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { COMMANDS } from '../src/commands.ts'
import { createProject, folderOf, run } from './project.ts'

t.test('help: an overview, and a text for each command with every option', async t => {
  const overview = await run('--help')
  t.equal(overview.code, 0)
  t.equal((await run()).code, 2, 'without a command it is a mistake')
  for (const { name, summary, options } of COMMANDS) {
    t.match(overview.out, `${name} `)
    t.ok(overview.out.includes(summary))
    const help = await run(name, '--help')
    t.equal(help.code, 0, name)
    for (const option of [...Object.keys(options), 'config', 'json', 'help']) t.match(help.out, `--${option}`)
    t.equal(help.err, '')
  }
})

t.test('a command line that cannot be followed: exit code 2, the reason on stderr, nothing on stdout', async t => {
  for (const [words, reason] of [
    [['nothing'], /there is no command "nothing"/],
    [['stats', '--verbose'], /Unknown option '--verbose'/],
    [['stats', 'all'], /unexpected: all/],
    [['cleanup', '--limit', '0'], /--limit must be a whole number/],
    [['cleanup', '--limit', 'many'], /--limit must be a whole number/],
    [['cleanup', '--limit'], /limit/],
    [['keys'], /generate, list or rotate/],
    [['keys', 'generate', 'two'], /unexpected: two/],
    [['clients'], /list, show, access or remove/],
    [['connections'], /probe, stats, key-status, rotate-keys or sweep/],
    [['connections', 'toString'], /probe, stats, key-status, rotate-keys or sweep/],
    [['connections', 'probe'], /give one URL/],
    [['connections', 'probe', 'file:///etc/passwd'], /no http or https URL/],
    [['connections', 'sweep', 'all'], /unexpected: all/],
    [['connections', 'stats'], /an app without connections/],
    [['clients', 'show'], /one CLIENT_ID/],
    [['clients', 'remove', 'a', 'b'], /one CLIENT_ID/],
    [['revoke'], /what to revoke/],
    [['revoke', '--user', ''], /--user is empty/],
    [['revoke', '--grant', 'a', '--user', 'b'], /stands alone/],
    [['migrate', '--dry-run', '--print'], /exclude/],
    [['copy', '--from', 'a'], /--from and --to/],
    [['copy', '--from', 'a', '--to', 'a'], /the same/],
    [['init', 'a', 'b'], /one FOLDER/],
    [['doctor', '--resource', 'x'], /--resource must be a URL/]
  ] as const) {
    const ran = await createProject(t).run(...words)
    t.equal(ran.code, 2, words.join(' '))
    t.match(ran.err, reason, words.join(' '))
    t.equal(ran.out, '', words.join(' '))
  }
})

t.test('an id may begin with a hyphen', async t => {
  const project = createProject(t)
  for (const words of [
    ['clients', 'show', '-abc'],
    ['clients', 'show', '--', '--abc'],
    ['revoke', '--grant', '-abc'],
    ['revoke', '--client', '--abc']
  ])
    t.equal((await run(words[0] ?? '', '--config', project.config, ...words.slice(1))).code, 1, words.join(' '))
})

t.test('a configuration that cannot be used names what is wrong with it', async t => {
  const folder = folderOf(t)
  const file = join(folder, 'mcp-auth.config.mjs')
  for (const [source, words, reason] of [
    ['export const app = 1', ['stats'], /by default/],
    ['export default {}', ['stats'], /lacks "app"/],
    ['export default {}', ['migrate'], /lacks "collections"/],
    ['export default { collections: [] }', ['migrate'], /lacks "storage"/],
    ['export default { collections: [], storage: () => ({}) }', ['migrate'], /"storage" must give a driver/],
    ['export default { collections: [], storages: {} }', ['copy', '--from', 'a', '--to', 'b'], /lacks "a"/],
    ['export default { collections: [] }', ['copy', '--from', 'toString', '--to', 'b'], /lacks "toString"/],
    [
      'export default { app: () => ({ ready() {}, close() {}, inject() {} }) }',
      ['stats'],
      /without the authorization server/
    ]
  ] as const) {
    const name = file.replace('.config', `.config${Math.random()}`)
    writeFileSync(name, source)
    const ran = await run(...words, '--config', name)
    t.equal(ran.code, 2, source)
    t.match(ran.err, reason, source)
  }
})

t.test('an outage is exit code 3, and the password in its message is not repeated', async t => {
  const file = join(folderOf(t), 'mcp-auth.config.mjs')
  const core = JSON.stringify(import.meta.resolve('@fastify-mcp-auth/core'))
  writeFileSync(
    file,
    `import { UnavailableError } from ${core}
export default { app() { throw new UnavailableError('postgres://me:swordfish@db/x is down', { cause: new Error('mysql://a:tuna@b') }) } }`
  )
  const ran = await run('stats', '--config', file)
  t.equal(ran.code, 3)
  t.equal(ran.err, 'postgres://***@db/x is down: mysql://***@b\n')
})

t.test('the doctor repeats no password either, of whatever the app dies of', async t => {
  const file = join(folderOf(t), 'mcp-auth.config.mjs')
  writeFileSync(file, 'export default { app() { throw new Error("postgres://me:swordfish@db/x refuses") } }')
  for (const form of [[], ['--json']]) {
    const ran = await run('doctor', '--config', file, ...form)
    t.equal(ran.code, 1)
    t.match(ran.out, 'postgres://***@db/x refuses')
    t.notMatch(ran.out + ran.err, 'swordfish')
  }
})

t.test('what is no mistake of the caller is told with its stack, and is exit code 1', async t => {
  const file = join(folderOf(t), 'mcp-auth.config.mjs')
  writeFileSync(file, 'export default { app() { throw new Error("broken") } }')
  const ran = await run('stats', '--config', file)
  t.equal(ran.code, 1)
  t.match(ran.err, /broken\n\s+at /)
})
