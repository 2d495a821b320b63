/** Tells the errors of a database apart: what the statement did wrong, what may be tried again, and silence. */
import { isUnavailableError, UnavailableError } from '@fastify-mcp-auth/core'
import type { Connection } from './options.ts'

/** How often a statement is tried that the database rolled back in favour of another one. */
const ATTEMPTS = 10

/**
 * Runs something on the database. Only what the engine says it has rolled back is tried again; a write of which nobody knows
 * whether it happened never is.
 *
 * @throws UnavailableError when the database did not answer; wrong statements and configuration errors as they are
 */
export async function answer<T>({ dialect }: Connection, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (isOurs(error)) throw error
      const failure = dialect.judge(error)
      if (failure === 'conflict' && attempt < ATTEMPTS) continue
      const cause = withoutValues(error)
      if (failure === 'statement' || failure === 'duplicate') throw cause
      throw new UnavailableError('the database did not answer', { cause })
    }
  }
}

/** Errors that were thrown on purpose, by the loading of a package or the comparison of tables. */
function isOurs(error: unknown): boolean {
  return isUnavailableError(error) || (error instanceof Error && error.name === 'ConfigurationError')
}

// mysql2 puts the whole statement with all its values on the error, and loggers print that.
function withoutValues(error: unknown): unknown {
  if (error instanceof Error && 'sql' in error) delete error.sql
  return error
}
