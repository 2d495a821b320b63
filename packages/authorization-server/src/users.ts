/**
 * The app's {@link UserAdapter}, as the rest of the plugin may rely on it: what fails there is an outage, never a verdict about
 * a client or a token, and what it answers has the promised shape.
 */
import { isUnavailableError, UnavailableError } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClaimsContext, Organization, PropsContext, ScopesContext, UserAdapter } from './types.ts'

/** Who is signed in, as far as the protocol is concerned. */
export interface Session {
  /** The app's own idea of the person, for further questions to it. */
  readonly user: unknown
  readonly subject: string
  readonly displayName: string
  readonly authTime: number
  readonly acr: string | null
  readonly amr: readonly string[]
}

export interface Users {
  /** @throws UnavailableError when the adapter fails; TypeError when it breaks its contract */
  session(request: FastifyRequest): Promise<Session | null>
  /** The `sub` of a user that the app named. @throws TypeError when the adapter breaks its contract */
  subjectOf(user: unknown): string
  /** The app's own user, or null when there is none any more. @throws UnavailableError */
  find(subject: string): Promise<unknown>
  /** Each once. @throws UnavailableError when the adapter fails; TypeError when it breaks its contract */
  organizations(user: unknown): Promise<readonly Organization[]>
  /** Whether `allowedScopes` can answer with less than it was asked. */
  readonly limitsScopes: boolean
  /** In the order of `scopes`. @throws UnavailableError */
  allowedScopes(user: unknown, scopes: readonly string[], context: ScopesContext): Promise<string[]>
  /** Ends the app's own session; null where the app does not say how. @throws UnavailableError when the adapter fails */
  readonly signOut: ((request: FastifyRequest, reply: FastifyReply) => Promise<void>) | null
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

/**
 * @param adapter methods are called on it, so that it may be a class instance
 * @param identityScopes what they tell is the person's own: the app is not asked whether it may be allowed
 */
export function guardedUsers(adapter: UserAdapter, identityScopes: ReadonlySet<string> = new Set()): Users {
  return {
    async session(request) {
      const current = await asked('current', () => adapter.current(request))
      if (!current) return null
      const { user, authTime, acr = null, methods = [] } = current
      if (!Number.isSafeInteger(authTime)) throw new TypeError('users.current(): authTime must be whole epoch seconds')
      return {
        user,
        subject: checkedSubject(adapter.subject(user)),
        displayName: String(adapter.displayName(user)),
        authTime,
        acr: acr === null ? null : String(acr),
        amr: methods.map(String)
      }
    },
    subjectOf: user => checkedSubject(adapter.subject(user)),
    find: async subject => (await asked('find', () => adapter.find(subject))) ?? null,
    async organizations(user) {
      const organizations = (await asked('organizations', () => adapter.organizations?.(user))) ?? []
      return [...new Map(organizations.map(one => [one.id, checkedOrganization(one)])).values()]
    },
    limitsScopes: typeof adapter.allowedScopes === 'function',
    async allowedScopes(user, scopes, context) {
      const limited = scopes.filter(scope => !identityScopes.has(scope))
      if (!adapter.allowedScopes || limited.length === 0) return [...scopes]
      const allowed = await asked('allowedScopes', () => adapter.allowedScopes?.(user, limited, context) ?? [])
      return scopes.filter(scope => identityScopes.has(scope) || allowed.includes(scope))
    },
    signOut: adapter.signOut
      ? async (request, reply) => {
          await asked('signOut', () => adapter.signOut?.(request, reply))
        }
      : null,
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

function checkedOrganization({ id, name }: Organization): Organization {
  if (typeof id === 'string' && id !== '' && id.length <= 255) return { id, name: String(name) }
  throw new TypeError('users.organizations() must return ids of 1 to 255 characters')
}

// An empty or endless `sub` would make tokens that nobody can tell apart or store. @see OpenID Connect Core section 2
function checkedSubject(subject: unknown): string {
  if (typeof subject === 'string' && subject !== '' && subject.length <= 255) return subject
  throw new TypeError('users.subject() must return a string of 1 to 255 characters')
}
