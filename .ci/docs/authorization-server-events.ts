/** Reference page of the authorization server's events, read from their types. */
import { globSync, readFileSync } from 'node:fs'

const TYPES = 'packages/core/src/authorization-server-events.ts'
const LEVELS = 'packages/authorization-server/src/events.ts'
const SHORT: Record<string, string> = {
  OfGrant: 'grantId, clientId, subject',
  Allowed: 'organization, resources, scopes'
}

/** @throws Error when the types are not written as this page reads them, or an event is never told */
export function authorizationServerEventsPage(): string {
  const source = readFileSync(TYPES, 'utf8')
  const levels = new Map(
    [...readFileSync(LEVELS, 'utf8').matchAll(/^ {2}'([a-z._]+)': '(debug|warn)'/gm)].map(([, type, level]) => [
      type,
      level
    ])
  )
  const body = /export interface AuthorizationServerEvents \{\n([\s\S]*?)\n\}/.exec(source)?.[1] ?? ''
  const events = [...body.matchAll(/(?:\/\*\* ([^\n]*?) \*\/\n\s*)?'([a-z._]+)': ([^\n]+)/g)]
  if (events.length < 20) throw new Error('events: the types are not written as this page reads them')
  assertTold(events.map(([, , type = '']) => type))
  const rows = events.map(
    ([, meaning = '', type = '', shape = '']) =>
      `| \`${type}\` | ${levels.get(type) ?? 'info'} | ${membersOf(shape)} | ${meaning} |`
  )
  const reasons = /type RevocationReason =([^\n]*(?:\n {2}\|[^\n]*)*)/.exec(source)?.[1] ?? ''
  return `${[
    '# Events of @fastify-mcp-auth/authorization-server',
    'Printed from the types of events by `pnpm run docs`. Every event has `type`, `issuer`, `at` (epoch seconds) and `requestId` (as in the log; null outside of a request, and for what the storage does). None has a token, code or secret in it. They go to the log, to `app.authorizationServer.on(type, listener)`, to the option `onEvent`, and to the diagnostics channel `fastify-mcp-auth:authorization-server`.',
    ['| event | level in the log | has besides | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    `\`reason\` of \`grant.revoked\` is one of ${[...reasons.matchAll(/'(\w+)'/g)].map(([, word]) => `\`${word}\``).join(', ')}.`
  ].join('\n\n')}\n`
}

function membersOf(shape: string): string {
  const shared = Object.keys(SHORT).filter(name => new RegExp(`\\b${name}\\b`).test(shape))
  const own = [...shape.matchAll(/(\w+)\??:/g)].map(([, name = '']) => name)
  return [...shared.flatMap(name => SHORT[name]?.split(', ') ?? []), ...own].map(name => `\`${name}\``).join(', ')
}

// What nobody tells must not be promised.
function assertTold(types: readonly string[]): void {
  const sources = globSync('packages/authorization-server/src/**/*.ts').map(file => readFileSync(file, 'utf8'))
  const silent = types.filter(type => !sources.some(source => source.includes(`'${type}',`)))
  if (silent.length > 0) throw new Error(`events that are never told: ${silent.join(', ')}`)
}
