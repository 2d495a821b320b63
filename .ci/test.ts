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
const FILE_TIMEOUT_SECONDS = kind === 'unit' ? 120 : 300
const suffix = SUFFIX[kind]
if (!suffix) throw new Error(`unknown kind of tests: ${kind}`)

const files = (places.length > 0 ? places : ['packages/*', 'examples/*'])
  .flatMap(place =>
    statSync(place, { throwIfNoEntry: false })?.isFile()
      ? [place]
      : globSync(`${place}/**/*${suffix}`, { exclude: name => name === 'node_modules' })
  )
  .toSorted()

let passed = 0
let failed = 0
const queue = files.values()
await Promise.all(Array.from({ length: availableParallelism() }, worker))
if (files.length === 0) console.log(`no ${kind} tests found in ${places.join(', ')}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

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
  const child = spawn(process.execPath, ['--conditions=@fastify-mcp-auth/source', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: FILE_TIMEOUT_SECONDS * 1000,
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
  return new Promise(done => child.on('close', code => done({ output: Buffer.concat(chunks).toString('utf8'), code })))
}

/** A file that ends badly, early or without an assertion has failed, whatever it printed. */
function readCounts(output: string, code: number | null): { passed: number; failed: number } {
  const summary = /^# \{ total: (\d+)([^}]*)\}$/m.exec(output)
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary?.[2] ?? '')?.[1] ?? 0)
  const failures = count('fail') + count('skip') + count('todo')
  const clean = code === 0 && summary !== null && failures === 0 && count('pass') > 0
  return { passed: count('pass'), failed: clean ? 0 : Math.max(failures, 1) }
}
