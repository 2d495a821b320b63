/**
 * Authorization servers that an administrator does not want to have anything to do with, for example one that was broken into: no flow
 * begins there, no token is refreshed there, and none of theirs is used. For all processes, within seconds.
 */
import type { Clock } from '@fastify-mcp-auth/core'
import { McpConnectionError } from './errors.ts'
import type { Records } from './records.ts'

const KEY = 'blocked_issuers'

/** Seconds after which another process notices. */
const RELOAD_AFTER = 10

export class BlockedIssuers {
  readonly #records: Pick<Records, 'state'>
  readonly #clock: Clock
  /** As the administrator wrote them, by what they are compared by. */
  #issuers: ReadonlyMap<string, string> = new Map()
  #loadedAt = Number.NEGATIVE_INFINITY

  constructor(records: Pick<Records, 'state'>, clock: Clock) {
    this.#records = records
    this.#clock = clock
  }

  /** Looks again unless that was done a moment ago. @returns every issuer that is blocked */
  async list(): Promise<readonly string[]> {
    if (Math.abs(this.#clock.now() - this.#loadedAt) >= RELOAD_AFTER) this.#keep(await this.#stored())
    return [...this.#issuers.values()]
  }

  /** As of the last look. */
  has(issuer: string | null): boolean {
    return issuer !== null && this.#issuers.has(keyOf(issuer))
  }

  /** @throws McpConnectionError `MCP_URL_BLOCKED` with the reason `issuer_blocked` */
  async assertAllowed(issuer: string | null, server: string): Promise<void> {
    if (issuer === null) return
    await this.list()
    if (this.has(issuer))
      throw new McpConnectionError('MCP_URL_BLOCKED', 'the authorization server is blocked by an administrator', {
        server,
        reason: 'issuer_blocked'
      })
  }

  /** @throws McpConnectionError `MCP_INVALID_INPUT`, `MCP_STORE_CONFLICT` */
  async set(issuer: string, isBlocked: boolean): Promise<void> {
    if (!/^https?:\/\/[^\s]+$/.test(issuer) || !URL.canParse(issuer))
      throw new McpConnectionError('MCP_INVALID_INPUT', '"issuer" must be a URL')
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = await this.#records.state.get(KEY)
      const issuers = issuersOf(before)
      issuers.delete(keyOf(issuer))
      if (isBlocked) issuers.set(keyOf(issuer), issuer)
      const value = JSON.stringify([...issuers.values()])
      const isWritten = before
        ? await this.#records.state.update(KEY, { revision: before.revision }, { value, revision: before.revision + 1 })
        : await this.#records.state.insert(KEY, { value, revision: 1 })
      if (isWritten) return this.#keep(issuers)
    }
    throw new McpConnectionError('MCP_STORE_CONFLICT', 'the list of blocked issuers is being changed by others')
  }

  async #stored(): Promise<ReadonlyMap<string, string>> {
    return issuersOf(await this.#records.state.get(KEY))
  }

  #keep(issuers: ReadonlyMap<string, string>): void {
    this.#issuers = issuers
    this.#loadedAt = this.#clock.now()
  }
}

function issuersOf(record: { readonly value: string } | null): Map<string, string> {
  const issuers = record ? (JSON.parse(record.value) as string[]) : []
  return new Map(issuers.map(issuer => [keyOf(issuer), issuer]))
}

// Elsewhere issuers are compared byte by byte. Here a slash too many must not make a block one of nothing.
function keyOf(issuer: string): string {
  return URL.parse(issuer)?.href.replace(/\/+$/, '') ?? issuer
}
