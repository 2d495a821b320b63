/** The people who can sign in. A real app has them in its database; what matters here is how a password is checked. */
import { type ScryptOptions, scrypt } from 'node:crypto'
import { equalInConstantTime, randomSecret } from '@fastify-mcp-auth/core'

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

/** Shown on the login page, because this is an example. */
export const DEMO_ACCOUNTS = [
  { id: 'user-1', username: 'alice', password: 'wonderland', displayName: 'Alice Liddell' },
  { id: 'user-2', username: 'bob', password: 'builder', displayName: 'Bob Builder' }
] as const

interface PasswordHash {
  readonly salt: string
  readonly hash: string
}

export async function createAccounts(): Promise<Accounts> {
  const accounts = new Map<string, Account & PasswordHash>()
  for (const { password, ...account } of DEMO_ACCOUNTS)
    accounts.set(account.username, { ...account, ...(await hashPassword(password)) })
  // What the password of an unknown name is compared with. Nothing hashes to it that anybody could know.
  const nobody: PasswordHash = await hashPassword(randomSecret())

  return {
    async find(id) {
      return toAccount([...accounts.values()].find(account => account.id === id))
    },
    async verifyPassword(username, password) {
      const account = accounts.get(username.trim().toLowerCase())
      const { salt, hash } = account ?? nobody
      return equalInConstantTime(await derive(password, salt), hash) ? toAccount(account) : null
    }
  }
}

function toAccount(entry: Account | undefined): Account | null {
  return entry ? { id: entry.id, username: entry.username, displayName: entry.displayName } : null
}

async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomSecret(16)
  return { salt, hash: await derive(password, salt) }
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
