/** From the command line to an exit code. */
import { parseArgs } from 'node:util'
import { isConfigurationError, isOAuthError, isUnavailableError } from '@fastify-mcp-auth/core'
import { type Call, type Command, EXIT_CODES, type ExitCode, UsageError } from './command.ts'
import { COMMANDS } from './commands.ts'
import { type CliConfig, loadConfig } from './config.ts'
import { GLOBAL_OPTIONS, helpOf, overview } from './help.ts'
import { createOutput, type Streams, withoutPasswords } from './output.ts'

const STREAMS: Streams = {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text)
}

/**
 * @param args what follows the name of the program
 * @returns the exit code; whatever is wrong was told on stderr. Does not end the process
 */
export async function main(args: readonly string[], streams: Streams = STREAMS): Promise<ExitCode> {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    streams.out(`${overview()}\n`)
    return name === undefined ? EXIT_CODES.usage : EXIT_CODES.done
  }
  const command = COMMANDS.find(one => one.name === name)
  try {
    if (!command) throw new UsageError(`there is no command ${JSON.stringify(name)}`)
    return await run(command, rest, streams)
  } catch (error) {
    streams.err(`${wordsFor(error)}\n`)
    if (error instanceof UsageError) {
      streams.err(`See: mcp-auth ${command ? `${command.name} ` : ''}--help\n`)
      return EXIT_CODES.usage
    }
    if (isUnavailableError(error)) return EXIT_CODES.unavailable
    return isConfigurationError(error) ? EXIT_CODES.usage : EXIT_CODES.found
  }
}

async function run(command: Command, args: readonly string[], streams: Streams): Promise<ExitCode> {
  const { values, positionals } = parse(command, args)
  if (values['help'] === true) {
    streams.out(`${helpOf(command)}\n`)
    return EXIT_CODES.done
  }
  let config: Promise<CliConfig> | undefined
  const file = values['config']
  const call: Call = {
    words: positionals,
    flags: values,
    out: createOutput(streams, { json: values['json'] === true }),
    config() {
      config ??= loadConfig(typeof file === 'string' ? file : undefined)
      return config
    }
  }
  return command.run(call)
}

function parse(command: Command, args: readonly string[]): { values: Call['flags']; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...GLOBAL_OPTIONS }).map(([name, { type, multiple = false }]) => [
      name,
      { type, multiple, ...(name === 'help' ? { short: 'h' } : {}) }
    ])
  )
  try {
    return parseArgs({ args: spelledOut(args, options), options, allowPositionals: true })
  } catch (error) {
    // parseArgs repeats what was typed, and adds advice that is not about us.
    throw new UsageError((error instanceof Error ? error.message : String(error)).split(/[.\n] ?To /)[0] ?? '')
  }
}

/**
 * Ids are random and may begin with a hyphen, which parseArgs would take for options: values are tied to the names of their options,
 * and words come last, behind "--".
 */
function spelledOut(
  args: readonly string[],
  options: { readonly [name: string]: { readonly type: string } }
): string[] {
  const declared = (word: string) => (word.startsWith('--') ? options[word.slice(2).replace(/=.*/s, '')] : undefined)
  const [named, words]: [string[], string[]] = [[], []]
  for (let at = 0; at < args.length; at++) {
    const [word = '', next] = [args[at], args[at + 1]]
    if (word === '--') return [...named, '--', ...words, ...args.slice(at + 1)]
    if (declared(word)?.type === 'string' && !word.includes('=') && next !== undefined && !declared(next)) {
      named.push(`${word}=${next}`)
      at++
    } else if (word.startsWith('--') || word === '-h') named.push(word)
    else words.push(word)
  }
  return [...named, '--', ...words]
}

/** The message, and that of what was behind it. A password in a URL is not repeated. */
function wordsFor(error: unknown): string {
  if (!(error instanceof Error)) return withoutPasswords(String(error))
  const isExpected =
    error instanceof UsageError ||
    error instanceof TypeError ||
    isUnavailableError(error) ||
    isConfigurationError(error) ||
    isOAuthError(error)
  const { cause } = error
  const reason = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : ''
  const whole = isExpected ? `${error.message}${reason}` : (error.stack ?? error.message)
  return withoutPasswords(whole)
}
