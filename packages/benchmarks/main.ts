/**
 * Measures the packages side by side with their peers, on 127.0.0.1 only.
 *
 *   pnpm bench storage [...]        see storage/suite.ts
 *   pnpm bench [resource-server | authorization-server] [--only name,...] [--loads name,...] [--rounds N]
 *     [--duration seconds] [--json file] [--awake]
 *
 * `--only` leaves out all others but ours and the one that ratios are taken from; `--loads` takes names of loads or words of them
 * (`ES256`, `hot`, `footprint`, `refresh`). `--awake` keeps the load from sleeping while it waits. Every contender is a process of its own and has to
 * prove first that it does its job; this process is the load. Prints Markdown on stdout and progress on stderr; `--json` keeps every
 * sample.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { reportOf } from './report.ts'
import { runStorage } from './storage/suite.ts'
import { OURS, type Plan, SUITES, type Suite } from './suites.ts'

/** Bounds, so that a typing error does not occupy a machine for a day. */
const MAX_ROUNDS = 50
const MAX_SECONDS = 30

// The exit is what ends the servers.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

// Compares sizes instead of contenders, and has options of its own.
if (process.argv[2] === 'storage') {
  await runStorage(process.argv.slice(3))
  process.exit()
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    loads: { type: 'string' },
    duration: { type: 'string', default: '1' },
    json: { type: 'string' },
    awake: { type: 'boolean', default: false }
  }
})
if (values.awake) stayAwake()
const suites = chooseSuites(positionals)
const plan = readPlan(suites)

const results: Record<string, unknown> = {}
console.log(`${machine()}; ${plan.rounds} rounds of ${plan.seconds} s.\n`)
for (const [name, suite] of suites) {
  const outcome = await suite.run(plan)
  results[name] = outcome
  console.log(`${reportOf(suite, outcome)}\n`)
}
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ machine: machine(), results }, null, 2))
process.exit()

/**
 * Waking somebody who sleeps is a part of the write to a socket, and so of the processor time of a server that is slower than its load; the
 * others do not show it. Needs a core of its own.
 */
function stayAwake(): void {
  setImmediate(stayAwake)
}

function chooseSuites(names: readonly string[]): [string, Suite][] {
  const chosen = names.length > 0 ? names : Object.keys(SUITES)
  return chosen.map(name => {
    const suite = SUITES[name]
    if (!suite) return refuse(`no suite ${name}: there are ${[...Object.keys(SUITES), 'storage'].join(', ')}`)
    return [name, suite]
  })
}

function readPlan(chosen: readonly [string, Suite][]): Plan {
  const only = values.only?.split(',') ?? null
  const loads = values.loads?.split(',') ?? null
  const known = [...new Set(chosen.flatMap(([, { contenders }]) => contenders))]
  // Without these there would be nothing to compare.
  const always = [OURS, ...chosen.map(([, { baseline }]) => baseline)]
  const unknown = only?.find(name => !known.includes(name))
  if (unknown !== undefined) refuse(`no contender ${unknown}: there are ${known.join(', ')}`)
  return {
    rounds: Math.ceil(within('rounds', values.rounds, MAX_ROUNDS)),
    seconds: within('duration', values.duration, MAX_SECONDS),
    plays: load => loads === null || load.split(' ').some(word => loads.includes(word)) || loads.includes(load),
    includes: name => only === null || always.includes(name) || only.includes(name),
    say: text => console.error(text)
  }
}

function within(option: string, text: string, most: number): number {
  const value = Number(text)
  if (!(value > 0 && value <= most)) refuse(`--${option} is a number above 0 and up to ${most}`)
  return value
}

function refuse(why: string): never {
  console.error(why)
  process.exit(2)
}

function machine(): string {
  const [first] = cpus()
  return `Node ${process.version}, OpenSSL ${process.versions.openssl}, ${cpus().length} x ${first?.model ?? 'processor'}`
}
