/** The help, printed from the declarations of the commands. */
import type { Command, CommandOption } from './command.ts'
import { COMMANDS } from './commands.ts'

export const GLOBAL_OPTIONS: { readonly [name: string]: CommandOption } = {
  config: { type: 'string', value: 'FILE', about: 'the configuration; mcp-auth.config.ts or .js when left out' },
  json: { type: 'boolean', about: 'tables as JSON' },
  help: { type: 'boolean', about: 'this text' }
}

export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  return [
    'Usage: mcp-auth COMMAND [...]',
    '',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'mcp-auth COMMAND --help tells more.',
    'Exit codes: 0 done, 1 something is not as it should be, 2 wrong use or configuration, 3 a database or server did not answer.'
  ].join('\n')
}

export function helpOf(command: Command): string {
  const { name, summary, forms, details, options } = command
  const lines = Object.entries({ ...options, ...GLOBAL_OPTIONS }).map(([option, declared]): [string, string] => [
    spelling(option, declared),
    declared.about
  ])
  const width = Math.max(...lines.map(([left]) => left.length))
  return [
    `mcp-auth ${name}: ${summary}`,
    '',
    ...forms.map((form, index) => `${index === 0 ? 'Usage: ' : '       '}mcp-auth ${name} ${form}`.trimEnd()),
    '',
    ...details.flatMap(paragraph => [paragraph, '']),
    ...lines.map(([left, about]) => `  ${left.padEnd(width)}  ${about}`)
  ].join('\n')
}

/** `--config FILE`. */
export function spelling(name: string, { value }: CommandOption): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`
}
