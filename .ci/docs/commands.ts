/** Reference page of the command line: what the commands declare about themselves. */
import { COMMANDS } from '../../packages/cli/src/commands.ts'
import { GLOBAL_OPTIONS, spelling } from '../../packages/cli/src/help.ts'

export function commandsPage(): string {
  const sections = COMMANDS.map(({ name, summary, forms, details, options }) =>
    [
      `## ${name}`,
      `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
      ['```sh', ...forms.map(form => `mcp-auth ${name} ${form}`.trimEnd()), '```'].join('\n'),
      ...details,
      ...(Object.keys(options).length > 0 ? [tableOf(options)] : [])
    ].join('\n\n')
  )
  return `${[
    '# Commands of @fastify-mcp-auth/cli',
    'Printed from the declarations of the commands by `pnpm run docs`; `mcp-auth COMMAND --help` says the same.',
    `Of every command:\n\n${tableOf(GLOBAL_OPTIONS)}`,
    'Exit codes: 0 done; 1 something is not as it should be, such as a finding of `doctor` or nothing to revoke; 2 the command line or the configuration is wrong, and nothing was done; 3 a database or server did not answer, and calling again is safe. Results go to stdout, progress and errors to stderr. No token, code or secret is ever printed, except by `keys generate` the key that it made.',
    ...sections
  ].join('\n\n')}\n`
}

function tableOf(options: typeof GLOBAL_OPTIONS): string {
  const rows = Object.entries(options).map(([name, option]) => `| \`${spelling(name, option)}\` | ${option.about} |`)
  return ['| option | |', '| --- | --- |', ...rows].join('\n')
}
