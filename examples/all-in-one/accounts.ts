/** The people who can sign in. A real app has them in its database; what matters here is how a password is checked. */
import { type ScryptOptions, scrypt } from 'node:crypto'
import { equalInConstantTime } from '@fastify-mcp-auth/core'

export interface Account {
  /** Stable identifier: the `sub` of tokens, the owner of notes. Never reused, never the name to sign in with. */
  readonly id: string
  readonly username: string
  readonly displayName: string
}

export interface Accounts {
  find(id: string): Promise<Account | null>
  /** The account, or null. Does the same work for a name that nobody has, so that its duration tells nothing. */
  verifyPassword(username: string, password: string): Promise<Account | null>
}

interface PasswordHash {
  readonly salt: string
  readonly hash: string
}

/** Shown on the login page, because this is an example. A real app keeps the hash and never sees the password again. */
export const DEMO_ACCOUNTS = [
  {
    id: 'user-1',
    username: 'alice',
    displayName: 'Alice Liddell',
    password: 'wonderland',
    stored: { salt: '-tStDKtbDekKM4drqwH26Q', hash: 'Q-eCzoHnJEemHLd9448HJwCf0k6BQGfBoa30YOkcyk0' }
  },
  {
    id: 'user-2',
    username: 'bob',
    displayName: 'Bob Builder',
    password: 'builder',
    stored: { salt: 'IWWKPqsq52X-MiQ1KTFQVg', hash: 'X77X7ANJNkGWQic1p5fiS2Z1XCvVlMSemHoVSe5Fbvg' }
  }
] as const

/** What the password of an unknown name is compared with: random bytes, to which no password leads. */
const NOBODY: PasswordHash = { salt: 'C0fynCnDOmtezOpros1acQ', hash: 'fxtXnvmjyoYDEKV3HOird7GRSFb0GFTlj1cXt3uGZAE' }

export function createAccounts(): Accounts {
  const accounts = new Map(DEMO_ACCOUNTS.map(account => [account.username as string, account]))
  return {
    async find(id) {
      return toAccount([...accounts.values()].find(account => account.id === id))
    },
    async verifyPassword(username, password) {
      const account = accounts.get(username.trim().toLowerCase())
      const { salt, hash } = account?.stored ?? NOBODY
      return equalInConstantTime(await derive(password, salt), hash) ? toAccount(account) : null
    }
  }
}

function toAccount(entry: Account | undefined): Account | null {
  return entry ? { id: entry.id, username: entry.username, displayName: entry.displayName } : null
}

// About 50 ms and 32 MB on a small server: slow for somebody who guesses, bearable for somebody who signs in.
const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 }

function derive(password: string, salt: string): Promise<string> {
  return new Promise((resolve, reject) =>
    scrypt(password.normalize('NFKC'), salt, 32, COST, (error, key) =>
      error ? reject(error) : resolve(key.toString('base64url'))
    )
  )
}
