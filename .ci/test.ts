/**
 * Runs one kind of tests, a process for each file, and closes with the line `N passed, N failed`.
 *
 *   node .ci/test.ts unit [folder or file ...]     *.test.ts     needs no outside server
 *   node .ci/test.ts services [...]                *.service.ts  needs PostgreSQL, MariaDB and Redis
 *   node .ci/test.ts browser [...]                 *.browser.ts  needs Chromium
 *
 * Every file is a tap test that prints its own TAP; that of a failing file is shown whole. `tap` itself runs them too, with
 * `.taprc`, but takes a third longer. A skipped assertion counts as failed: a test that did not run is not green.
 */
import { spawn } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'

const SUFFIX: Record<string, string> = { unit: '.test.ts', services: '.service.ts', browser: '.browser.ts' }

const [kind = 'unit', ...places] = process.argv.slice(2)
// A browser on a machine that is busy with other things is slow, and that says nothing about the pages.
const FILE_TIMEOUT_SECONDS = kind === 'unit' ? 240 : 420
/** Begun first: what takes a minute is not to be waited for alone at the end. */
const LONGEST = [
  '/coordination',
  '/prisma',
  '/two-processes',
  '/shared-database',
  '/ten-on-',
  '/sqlite.test',
  'connect-out/test/connections'
]
// Services and browsers answer while a processor does something else.
const WORKERS = availableParallelism() + (kind === 'unit' ? 0 : 1)
const suffix = SUFFIX[kind]
if (!suffix) throw new Error(`unknown kind of tests: ${kind}`)

const files = (places.length > 0 ? places : ['packages/*', 'examples/*'])
  .flatMap(place =>
    statSync(place, { throwIfNoEntry: false })?.isFile()
      ? [place]
      : globSync(`${place}/**/*${suffix}`, { exclude: name => name === 'node_modules' })
  )
  .toSorted((a, b) => rank(a) - rank(b) || a.localeCompare(b))

let passed = 0
let failed = 0
const queue = files.values()
await Promise.all(Array.from({ length: WORKERS }, worker))
if (files.length === 0) console.log(`no ${kind} tests found in ${places.join(', ')}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

function rank(file: string): number {
  const place = LONGEST.findIndex(name => file.includes(name))
  return place < 0 ? LONGEST.length : place
}

async function worker(): Promise<void> {
  for (const file of queue) {
    const started = performance.now()
    const { output, code } = await runFile(file)
    const counts = readCounts(output, code)
    passed += counts.passed
    failed += counts.failed
    if (counts.failed > 0) console.log(output)
    const verdict = counts.failed > 0 ? 'not ok' : 'ok'
    console.log(`${verdict} - ${file} # ${counts.passed} passed, ${Math.round(performance.now() - started)} ms`)
  }
}

function runFile(file: string): Promise<{ output: string; code: number | null }> {
  // A little later than tap ends it by itself, which says in which test.
  const timeout = (FILE_TIMEOUT_SECONDS + 10) * 1000
  const child = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
    // The processes share what Node made of the source.
    env: {
      ...process.env,
      NODE_ENV: 'test',
      TAP_TIMEOUT: String(FILE_TIMEOUT_SECONDS),
      NODE_COMPILE_CACHE: resolve('node_modules/.cache/compiled')
    }
  })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => chunks.push(chunk))
  return new Promise(done =>
    child.on('close', code => {
      if (child.killed)
        chunks.push(
          Buffer.from(`\n# ended at the time limit of a file, ${timeout / 1000} s; this is what it said so far\n`)
        )
      done({ output: Buffer.concat(chunks).toString('utf8'), code })
    })
  )
}

/** A file that ends badly, early or without an assertion has failed, whatever it printed. */
function readCounts(output: string, code: number | null): { passed: number; failed: number } {
  const summary = /^# \{ total: (\d+)([^}]*)\}$/m.exec(output)
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary?.[2] ?? '')?.[1] ?? 0)
  const failures = count('fail') + count('skip') + count('todo')
  const clean = code === 0 && summary !== null && failures === 0 && count('pass') > 0
  return { passed: count('pass'), failed: clean ? 0 : Math.max(failures, 1) }
}
