/**
 * Runs tap over one kind of tests, lets its output through and closes with the line `N passed, N failed`.
 *
 *   node .ci/test.ts unit [folder or file ...]     *.test.ts     needs no outside server
 *   node .ci/test.ts services [...]                *.service.ts  needs PostgreSQL, MariaDB, Redis
 *   node .ci/test.ts browser [...]                 *.browser.ts  needs Chromium
 *
 * Exits with 1 when a test fails, when tap does, and when there was nothing to run.
 */
import { spawn } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

const SUFFIX: Record<string, string> = { unit: '.test.ts', services: '.service.ts', browser: '.browser.ts' }

const [kind = 'unit', ...places] = process.argv.slice(2)
const suffix = SUFFIX[kind]
if (!suffix) throw new Error(`unknown kind of tests: ${kind}`)

const roots = places.length > 0 ? places : ['packages/*', 'examples/*']
const files = roots
  .flatMap(place =>
    statSync(place, { throwIfNoEntry: false })?.isFile()
      ? [place]
      : globSync(`${place}/**/*${suffix}`, { exclude: name => name === 'node_modules' })
  )
  .toSorted()

if (files.length === 0) {
  console.log(`no ${kind} tests found in ${roots.join(', ')}`)
  console.log('0 passed, 0 failed')
  process.exit(1)
}

const tap = spawn(process.execPath, ['node_modules/tap/dist/esm/run.mjs', 'run', '--reporter=tap', ...files], {
  stdio: ['ignore', 'pipe', 'inherit'],
  // Every test file is a process: they share what Node made of the source.
  env: { ...process.env, NODE_ENV: 'test', NODE_COMPILE_CACHE: resolve('node_modules/.cache/compiled') }
})

let passed = 0
let failed = 0
for await (const line of createInterface({ input: tap.stdout })) {
  console.log(line)
  const total = /^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?/.exec(line)
  if (total) {
    failed = Number(total[3] ?? 0)
    passed = Number(total[2] ?? Number(total[1]) - failed)
  }
}
const code = await new Promise<number>(done => tap.on('close', status => done(status ?? 1)))
if (code !== 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed`)
process.exit(code !== 0 || failed > 0 || passed === 0 ? 1 : 0)
