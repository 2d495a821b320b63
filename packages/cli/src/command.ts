/** What a command is. Its declaration is its help, its parser and its page in the documentation. */
import type { AuthorizationServer } from '@fastify-mcp-auth/core'
import { type BootableApp, type CliConfig, serverOf, wanted } from './config.ts'
import type { Output } from './output.ts'

export interface CommandOption {
  readonly type: 'string' | 'boolean'
  /** What stands for the value in the help; only for `string`. */
  readonly value?: string
  readonly about: string
  readonly multiple?: boolean
}

export interface Command {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  /** What may follow the name, one line each: `list`, `show CLIENT_ID`. */
  readonly forms: readonly string[]
  /** Sentences for the help, a paragraph each. */
  readonly details: readonly string[]
  readonly options: { readonly [name: string]: CommandOption }
  run(call: Call): Promise<ExitCode>
}

/** One use of a command. */
export interface Call {
  /** What stood behind the name of the command. */
  readonly words: readonly string[]
  readonly flags: { readonly [name: string]: string | boolean | readonly (string | boolean)[] | undefined }
  readonly out: Output
  /** Reads the configuration at the first call. */
  config(): Promise<CliConfig>
}

export const EXIT_CODES = {
  done: 0,
  /** It ran, and found something that is not as it should be. */
  found: 1,
  /** The command line or the configuration is wrong. Nothing was done. */
  usage: 2,
  /** A database or a server did not answer. Calling again is safe. */
  unavailable: 3
} as const

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

/** A command line that cannot be followed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Boots the app for as long as `run` takes. */
export async function withApp<T>(call: Call, run: (app: BootableApp) => Promise<T>): Promise<T> {
  const app = await wanted(await call.config(), 'app')()
  try {
    await app.ready()
    return await run(app)
  } finally {
    await app.close()
  }
}

/** The same for an app with the authorization server. */
export function withServer<T>(call: Call, run: (server: AuthorizationServer) => Promise<T>): Promise<T> {
  return withApp(call, app => run(serverOf(app)))
}

/** The value of a string option; undefined when it was not given. @throws UsageError for an empty one */
export function text(call: Call, name: string): string | undefined {
  const value = call.flags[name]
  if (value === '') throw new UsageError(`--${name} is empty`)
  return typeof value === 'string' ? value : undefined
}

/** @throws UsageError unless it is a whole number from 1 on */
export function count(call: Call, name: string): number | undefined {
  const value = text(call, name)
  if (value === undefined) return undefined
  if (!/^[1-9]\d{0,11}$/.test(value)) throw new UsageError(`--${name} must be a whole number from 1 on`)
  return Number(value)
}

/** The single word behind a form, such as an id. @throws UsageError when there is none or more */
export function onlyWord(words: readonly string[], what: string): string {
  const [word, ...more] = words
  if (word === undefined || word === '' || more.length > 0) throw new UsageError(`give one ${what}`)
  return word
}

/** @throws UsageError when there are words that the command does not know */
export function noWords(words: readonly string[]): void {
  if (words.length > 0) throw new UsageError(`unexpected: ${words.join(' ')}`)
}
