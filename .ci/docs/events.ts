/** Reference page of audit events and of the reasons that they give, read from the types and from the places that refuse. */
import { globSync, readFileSync } from 'node:fs'

const SOURCE = 'packages/resource-server/src'

export function eventsPage(): string {
  const events = readFileSync(`${SOURCE}/events.ts`, 'utf8')
  const levels = new Map(
    [...events.matchAll(/^ {2}'([a-z.]+)': '(debug|warn)'/gm)].map(([, type, level]) => [type, level])
  )
  const types = [...membersOf(events), ...membersOf(readFileSync(`${SOURCE}/types.ts`, 'utf8'))]
  if (types.length < 15) throw new Error('events: the types are not written as this page reads them')
  const rows = types.map(
    ({ type, members, meaning }) =>
      `| \`${type}\` | ${levels.get(type) ?? 'info'} | ${members.join(', ')} | ${meaning} |`
  )
  return `${[
    '# Events of @fastify-mcp-auth/resource-server',
    'Printed from the types of events by `pnpm run docs`. Every event has `type`, `resource` and `at` (epoch seconds). None has anything of a token in it, nor arguments of a call.',
    ['| event | level in the log | has besides | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    '## Reasons',
    'Values of `reason` in `token.rejected` and `request.refused`: stable words for logs and alarms. The text beside it is what the client is told. A claim that is missing or of a wrong type is `claim_` with its name.',
    ['| reason | told |', '| --- | --- |', ...reasons()].join('\n')
  ].join('\n\n')}\n`
}

function membersOf(source: string): { type: string; members: string[]; meaning: string }[] {
  const member = /(?:\/\*\* ([^\n]*?) \*\/\s*)?\| \(?(Request & )?\{ readonly type: '([a-z.]+)'([^}]*)\}/g
  return [...source.matchAll(member)].map(([, meaning = '', ofRequest, type = '', rest = '']) => ({
    type,
    members: [
      ...(ofRequest ? ['`requestId`', '`caller`'] : []),
      ...[...rest.matchAll(/readonly (\w+):/g)].map(([, name]) => `\`${name}\``)
    ],
    meaning
  }))
}

/** What refuses: `refused('text', 'reason')`, or an error with `{ ..., reason: 'reason' }` behind its text. */
function reasons(): string[] {
  const found = new Map<string, Set<string>>()
  for (const file of [...globSync(`${SOURCE}/**/*.ts`), 'packages/core/src/jwks.ts', 'packages/core/src/key-set.ts']) {
    const source = readFileSync(file, 'utf8')
    // Also those whose text is put together elsewhere.
    for (const [, reason = ''] of source.matchAll(/\breason: '([a-z_0-9]+)'/g))
      if (!found.has(reason)) found.set(reason, new Set())
    const places = [
      /refused\(\s*(['`])([^'`]+)\1,\s*'([a-z_0-9]+)'\s*\)/g,
      /new (?:OAuth|RefusedRequest)Error\(\s*(?:'\w+'|\d+),\s*(['`])([^'`]+)\1,\s*\{[^}]*?reason: '([a-z_0-9]+)'/g
    ].flatMap(pattern => [...source.matchAll(pattern)])
    for (const [, , text = '', reason = ''] of places)
      found.set(reason, (found.get(reason) ?? new Set()).add(text.replace(/\$\{[^}]*\}/g, '…')))
  }
  return [...found]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([reason, texts]) => `| \`${reason}\` | ${[...texts].toSorted().join('; ').replaceAll('|', '\\|')} |`)
}
