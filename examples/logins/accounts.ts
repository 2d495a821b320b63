/** Stands for the users of your app. What matters for assistants: an `id` that never changes and is never given to somebody else. */
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'

export interface Account {
  readonly id: string
  readonly email: string
}

export interface Accounts {
  find(id: string | undefined): Promise<Account | null>
  /** Works as long for a name that nobody has as for one that somebody has. */
  byPassword(email: string, password: string): Promise<Account | null>
  /** The account of a person whom an OpenID provider vouches for: by issuer and `sub`, which it never gives to somebody else. */
  byUpstream(person: { iss: string; sub: string }): Promise<Account | null>
}

const SALT = randomBytes(16)
const hashOf = (password: string): Buffer => scryptSync(password, SALT, 32)

export function createAccounts(): Accounts {
  const alice = { id: 'user-1', email: 'alice@example.com' }
  const hash = hashOf('wonderland')
  return {
    find: async id => (id === alice.id ? alice : null),
    async byPassword(email, password) {
      const isRight = timingSafeEqual(hashOf(password), hash)
      return isRight && email === alice.email ? alice : null
    },
    byUpstream: async ({ sub }) => (sub === 'alice' ? alice : null)
  }
}
