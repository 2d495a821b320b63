/** A connection for a test that is about what comes after it. */
import { randomSecret } from '@fastify-mcp-auth/core'
import { type Walk, walkAuthorization } from './walk-authorization.ts'

interface SeededOwner {
  readonly type: 'user' | 'agent'
  readonly id: string
  readonly agent?: string | undefined
  readonly tenant?: string | undefined
}

/** What `createConnections()` returns and `app.mcpConnections` is, as far as it is used here. */
export interface SeedableConnections<Summary> {
  start(
    owner: SeededOwner | null,
    server: string,
    options: { readonly binding: string; readonly account?: string; readonly scopes?: readonly string[] }
  ): Promise<{ readonly url: string }>
  complete(options: {
    readonly params: URLSearchParams
    readonly binding: string
    readonly owner: SeededOwner | null
  }): Promise<{ readonly connection: Summary }>
  setCredential(
    owner: SeededOwner | null,
    server: string,
    options: { readonly secret: string; readonly account?: string }
  ): Promise<Summary>
}

/** Whose connection it is going to be, and to what. */
export interface Seed {
  readonly owner: SeededOwner | null
  readonly server: string
  readonly account?: string
  /** For a server that takes a key; without it the owner signs in at the authorization server. */
  readonly secret?: string
  readonly scopes?: readonly string[]
  /** Who signs in there, and what they say; as the id of the owner, and yes, when left out. */
  readonly walk?: Walk
}

/**
 * Connects as a person would, without a browser: the whole flow against the fake authorization server, or the key that a person pastes.
 *
 * Counts as an attempt: tests that seed many set `limits: false`.
 *
 * @throws what the connections throw
 */
export async function seedConnection<Summary>(
  connections: SeedableConnections<Summary>,
  { owner, server, account, secret, scopes, walk }: Seed
): Promise<Summary> {
  const choice = account === undefined ? {} : { account }
  if (secret !== undefined) return connections.setCredential(owner, server, { secret, ...choice })
  const binding = randomSecret()
  const { url } = await connections.start(owner, server, { binding, ...choice, ...(scopes ? { scopes } : {}) })
  const params = await walkAuthorization(url, { ...(owner ? { username: owner.id } : {}), ...walk })
  const { connection } = await connections.complete({ params, binding, owner })
  return connection
}
