/** The comparison with oidc-provider: how many requests, and every difference with its reason. */
import { CASES } from '../../packages/authorization-server/test/oracle/cases/all.ts'
import { DIFFERENCES } from '../../packages/authorization-server/test/oracle/differences.ts'

export function oraclePage(): string {
  const names = CASES.map(({ name }) => name)
  const differing = new Set(DIFFERENCES.flatMap(({ cases }) => Object.keys(cases)))
  const groups = [...new Set(names.map(groupOf))]
  return `${[
    '# Beside oidc-provider',
    `Printed by \`pnpm run docs\` from the table that \`packages/authorization-server/test/oracle\` holds to be true. ${names.length} requests, well-formed and malformed, go to this server and to [oidc-provider](https://github.com/panva/node-oidc-provider), which is certified, both over HTTP with the same clients, resources and person. ${names.length - differing.size} verdicts are the same; every other one is explained here, and the test fails for one that is not.`,
    'A verdict is the status with the error code, an error page, a redirect with its error, or what is granted. Texts, lifetimes and 302 or 303 are not compared.',
    '## Requests',
    [
      '| about | requests | the same | explained |',
      '| --- | --- | --- | --- |',
      ...groups.map(group => {
        const own = names.filter(name => groupOf(name) === group)
        const other = own.filter(name => differing.has(name)).length
        return `| ${group} | ${own.length} | ${own.length - other} | ${other} |`
      })
    ].join('\n'),
    '## Differences',
    ...DIFFERENCES.map(({ why, cases }) =>
      [
        why,
        '',
        '| request | here | oidc-provider |',
        '| --- | --- | --- |',
        ...Object.entries(cases).map(([name, [ours, theirs]]) => `| ${cell(name)} | ${ours} | ${theirs} |`)
      ].join('\n')
    ),
    '## The same in both',
    groups
      .map(group => {
        const own = names.filter(name => groupOf(name) === group && !differing.has(name))
        return `- ${group}: ${own.map(name => cell(name.slice(group.length + 2))).join('; ')}`
      })
      .join('\n')
  ].join('\n\n')}\n`
}

const groupOf = (name: string): string => name.split(': ', 1)[0] ?? ''
const cell = (text: string): string => text.replace(/[|<>[\]*_]/g, character => `\\${character}`)
