/**
 * The app's {@link UserAdapter}, as the rest of the plugin may rely on it: what fails there is an outage, never a verdict about
 * a client or a token, and what it answers has the promised shape.
 */
import { isUnavailableError, UnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { ClaimsContext, PropsContext, UserAdapter } from './types.ts'

/** Who is signed in, as far as the protocol is concerned. */
export interface Session {
  readonly subject: string
  readonly displayName: string
  readonly authTime: number
}

export interface Users {
  /** @throws UnavailableError when the adapter fails; TypeError when it breaks its contract */
  session(request: FastifyRequest): Promise<Session | null>
  /** Path or URL of the sign-in. */
  loginUrl: UserAdapter['loginUrl']
  /**
   * Additional claims of an access token.
   *
   * @returns null when there is no such user any more
   * @throws UnavailableError when the adapter fails
   */
  claims(subject: string, context: ClaimsContext): Promise<Record<string, unknown> | null>
  /**
   * What to attach to a grant; null for nothing.
   *
   * @throws UnavailableError when the adapter fails
   */
  props(subject: string, context: PropsContext): Promise<unknown>
}

/** @param adapter methods are called on it, so that it may be a class instance */
export function guardedUsers(adapter: UserAdapter): Users {
  return {
    async session(request) {
      const current = await asked('current', () => adapter.current(request))
      if (!current) return null
      const { user, authTime } = current
      if (!Number.isSafeInteger(authTime)) throw new TypeError('users.current(): authTime must be whole epoch seconds')
      return {
        subject: checkedSubject(adapter.subject(user)),
        displayName: String(adapter.displayName(user)),
        authTime
      }
    },
    loginUrl: target => adapter.loginUrl(target),
    async claims(subject, context) {
      const user = await asked('find', () => adapter.find(subject))
      if (user === null || user === undefined) return null
      return (await asked('claims', () => adapter.claims?.(user, context))) ?? {}
    },
    async props(subject, context) {
      if (!adapter.props) return null
      const user = await asked('find', () => adapter.find(subject))
      if (user === null || user === undefined) return null
      return (await asked('props', () => adapter.props?.(user, context))) ?? null
    }
  }
}

async function asked<T>(method: string, ask: () => Promise<T> | T): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    // Whatever it says about itself, a status above all, is not an answer to the client.
    if (isUnavailableError(error)) throw error
    throw new UnavailableError(`users.${method}() failed`, { cause: error })
  }
}

// An empty or endless `sub` would make tokens that nobody can tell apart or store. @see OpenID Connect Core section 2
function checkedSubject(subject: unknown): string {
  if (typeof subject === 'string' && subject !== '' && subject.length <= 255) return subject
  throw new TypeError('users.subject() must return a string of 1 to 255 characters')
}
