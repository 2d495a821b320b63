/** Reference page of what the connections tell machines: events, from their types, and metrics, from their instruments. */
import { readFileSync } from 'node:fs'

const SOURCE = 'packages/connections/src'

export function connectionEventsPage(): string {
  const levels = new Map(
    [...read('events.ts').matchAll(/^ {2}'?([a-z._]+)'?: '(debug|warn|error)'/gm)].map(([, type, level]) => [
      type,
      level
    ])
  )
  const types = read('connection-events.ts')
  const all = /export interface ConnectionEvents \{([\s\S]*?)\n\}/.exec(types)?.[1] ?? ''
  const member = /(?: {2}\/\*\* ([^\n]*?) \*\/\n)? {2}'?([a-z._]+)'?: (?:\{([^}]*)\}|Readonly<)/g
  const events = [...all.matchAll(member)].map(([, meaning = '', type = '', members = '']) => {
    const names = [...members.matchAll(/readonly (\w+):/g)].map(([, name]) => `\`${name}\``)
    return `| \`${type}\` | ${levels.get(type) ?? 'info'} | ${names.join(', ')} | ${meaning} |`
  })
  if (events.length < 15) throw new Error('connections: the events are not written as this page reads them')
  return `${[
    '# Events and metrics of @fastify-mcp-auth/connections',
    'Printed from types and instruments by `pnpm run docs`.',
    '## Events',
    'Every event has `type`, `at` (epoch seconds), `server` (its id; `*` for what is about no single one), `connection` (its id, null before there is one) and `owner` (as the app named it; null for a shared connection): who, where, and what happened. `actor` is the administrator who did it, null when the call named nobody. None has a token, code or key in it. They go to the log, to `connections.on(type, listener)`, to the option `onEvent`, and to the diagnostics channel `fastify-mcp-auth:connections`.',
    ['| event | level in the log | has besides | |', '| --- | --- | --- | --- |', ...events].join('\n'),
    '## Metrics',
    'Instruments of OpenTelemetry, below `mcp_auth.connections.`; `server` is an id of the options, or `custom` for all others. No attribute is a person, a tenant, a URL or a secret.',
    ['| instrument | unit | attributes | |', '| --- | --- | --- | --- |', ...instruments()].join('\n')
  ].join('\n\n')}\n`
}

function read(name: string): string {
  return readFileSync(`${SOURCE}/${name}`, 'utf8')
}

function instruments(): string[] {
  const source = read('telemetry.ts')
  const attributes = new Map(
    [...source.matchAll(/^ {2}'?([a-z._]+)'?: \{ (\w+\??: .*) \}$/gm)].map(([, name, members = '']) => [
      name,
      [...members.matchAll(/(\w+)\??: /g)].map(([, member]) => `\`${member}\``).join(', ')
    ])
  )
  const own = /^const COUNTERS = \{([\s\S]*?)\n\} as/m.exec(source)?.[1] ?? ''
  const timed = /^const HISTOGRAMS = \{([\s\S]*?)\n\} as/m.exec(source)?.[1] ?? ''
  const counters = [...own.matchAll(/'?([a-z._]+)'?: \['([^']+)', '\{(\w+)\}'\]/g)].map(
    ([, name = '', meaning, unit]) => `| counter \`${name}\` | ${unit} | ${attributes.get(name)} | ${meaning} |`
  )
  const histograms = [...timed.matchAll(/'?([a-z._]+)'?: \[\s*'([^']+)'/g)].map(
    ([, name = '', meaning]) => `| histogram \`${name}\` | s | ${attributes.get(name)} | ${meaning} |`
  )
  if (counters.length < 8 || histograms.length < 2)
    throw new Error('connections: the instruments are not written as this page reads them')
  return [
    '| gauge `count` | connection | `server`, `status`, `kind` | Connections in the storage, the same in every process: take the maximum, not the sum. Read at most once a minute; a server with more than 10 000 is left out |',
    '| gauge `outbox.depth` | revocation | | Revocations that are still owed, the same in every process |',
    '| gauge `tools` | tool | `server` | Tools that the last look found |',
    '| counter `events` | event | `type`, `server`, and of the event `reason`, `code`, `kind`, `trigger`, `rotated`, `exhausted`, `registration`, `revoked` | Every event |',
    ...counters,
    ...histograms
  ]
}
