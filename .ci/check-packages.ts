/**
 * Holds the packages to what the architecture promises, as a user would get them: builds, packs, lints the tarballs, checks the
 * one arrow (every package imports core and no sibling), and imports each from a fresh npm project, its types included.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

interface Manifest {
  name: string
  version: string
  private?: boolean
  license?: string
  engines?: { node?: string }
  exports: Record<string, unknown>
  dependencies?: Record<string, string>
}

const SCOPE = '@fastify-mcp-auth/'
/** The oldest Node that the packages promise, and the newest that there was. */
const NODES = ['22.19.0', '26.9.0']
/** Versions of Node whose types people may have. */
const NODE_TYPES = ['22', '26']
const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, npm_config_loglevel: 'error' }
  })
const bin = (name: string): string => resolve('node_modules/.bin', name)

const packages = globSync('packages/*/package.json')
  .toSorted()
  .map(file => ({ folder: dirname(file), manifest: JSON.parse(readFileSync(file, 'utf8')) as Manifest }))
  .filter(({ manifest }) => !manifest.private)

const complaints: string[] = []

for (const { folder, manifest } of packages) {
  if (manifest.name !== SCOPE + basename(folder)) complaints.push(`${folder}: the name does not follow the folder`)
  if (manifest.engines?.node !== `>=${NODES[0]}`) complaints.push(`${folder}: another Node is promised than tried`)
  if (manifest.license !== 'MIT') complaints.push(`${folder}: the license is not MIT`)
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (name.startsWith(SCOPE) && name !== `${SCOPE}core`) complaints.push(`${folder}: depends on its sibling ${name}`)
  }
  for (const file of globSync(`${folder}/src/**/*.ts`)) {
    const source = readFileSync(file, 'utf8')
    for (const [, name] of source.matchAll(/\bfrom '(@fastify-mcp-auth\/[a-z-]+)/g)) {
      if (name !== `${SCOPE}core` && name !== manifest.name) complaints.push(`${file}: imports its sibling ${name}`)
    }
    if (folder === 'packages/core' && /\bfrom '(@?fastify\b[^']*)'/.test(source))
      complaints.push(`${file}: core knows Fastify`)
  }
}

run(process.execPath, '.ci/build.ts')
// What a server loads before it listens: see build.ts.
for (const file of globSync('packages/{core,resource-server}/dist/**/*.js')) {
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|\} from) .*?['"](typebox[^'"]*|undici|jose|node:http)['"]/gm
  ))
    complaints.push(`${file}: loads all of ${name} at the start`)
}
const workshop = mkdtempSync(join(tmpdir(), 'packages-'))
try {
  const chosen = packages.flatMap(({ manifest }) => ['--filter', manifest.name])
  const packed = run('npx', '-y', 'pnpm@12.21.0', ...chosen, 'pack', '--pack-destination', workshop, '--json')
  const tarballs = (JSON.parse(packed) as { filename: string }[]).map(({ filename }) => resolve(workshop, filename))
  for (const tarball of tarballs) {
    console.log(`${basename(tarball)}: publint, attw`)
    run(bin('publint'), 'run', '--strict', tarball)
    run(bin('attw'), tarball, '--profile', 'esm-only', '--no-emoji', '--quiet')
  }
  writeFileSync(join(workshop, 'package.json'), JSON.stringify({ name: 'fresh', private: true, type: 'module' }))
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs, 'fastify@5.12.8'], {
    cwd: workshop,
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const entries = packages.flatMap(({ manifest }) =>
    Object.keys(manifest.exports).map(entry => manifest.name + entry.slice(1))
  )
  const script = entries.map(entry => `await import('${entry}')`).join('\n')
  writeFileSync(join(workshop, 'import.mjs'), script)
  for (const version of NODES) {
    run('npx', '-y', `node@${version}`, join(workshop, 'import.mjs'))
    console.log(`imported ${entries.length} entry points from a fresh npm project, with Node ${version}`)
  }
  complaints.push(...checkTypes(entries))
} finally {
  rmSync(workshop, { recursive: true, force: true })
}

/**
 * Reads every line of the types, with those of the oldest Node and of the newest: most projects skip what libraries declare, and what is
 * wrong there is `any` to them.
 */
function checkTypes(entries: readonly string[]): string[] {
  writeFileSync(join(workshop, 'types.ts'), entries.map(entry => `import '${entry}'`).join('\n'))
  const options = '--noEmit --strict --skipLibCheck false --target es2023 --module nodenext --types node'.split(' ')
  return NODE_TYPES.flatMap(version => {
    const types = [`@types/node@${version}`, '@types/pg@8', '@types/better-sqlite3@7']
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...types], {
      cwd: workshop,
      stdio: ['ignore', 'ignore', 'inherit']
    })
    const { stdout, error } = spawnSync(bin('tsc'), [...options, 'types.ts'], { cwd: workshop, encoding: 'utf8' })
    if (error) throw error
    console.log(`checked their types with those of Node ${version}`)
    // What is wrong with the types of others is theirs.
    const ours = stdout
      .split('\n')
      .filter(line => line.startsWith(`node_modules/${SCOPE}`) || line.startsWith('types.ts'))
    return ours.map(line => `with the types of Node ${version}: ${line}`)
  })
}

for (const complaint of complaints) console.error(complaint)
if (complaints.length > 0) process.exit(1)
console.log(`${packages.length} packages are in order`)
