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
  #issuers: ReadonlySet<string> = new Set()
  #loadedAt = Number.NEGATIVE_INFINITY

  constructor(records: Pick<Records, 'state'>, clock: Clock) {
    this.#records = records
    this.#clock = clock
  }

  /** Looks again unless that was done a moment ago. @returns every issuer that is blocked */
  async list(): Promise<readonly string[]> {
    if (Math.abs(this.#clock.now() - this.#loadedAt) >= RELOAD_AFTER) this.#keep(await this.#stored())
    return [...this.#issuers]
  }

  /** As of the last look. */
  has(issuer: string | null): boolean {
    return issuer !== null && this.#issuers.has(issuer)
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
    if (!URL.canParse(issuer)) throw new McpConnectionError('MCP_INVALID_INPUT', '"issuer" must be a URL')
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = await this.#records.state.get(KEY)
      const issuers = new Set(before ? (JSON.parse(before.value) as string[]) : [])
      if (isBlocked) issuers.add(issuer)
      else issuers.delete(issuer)
      const value = JSON.stringify([...issuers])
      const isWritten = before
        ? await this.#records.state.update(KEY, { revision: before.revision }, { value, revision: before.revision + 1 })
        : await this.#records.state.insert(KEY, { value, revision: 1 })
      if (isWritten) return this.#keep(issuers)
    }
    throw new McpConnectionError('MCP_STORE_CONFLICT', 'the list of blocked issuers is being changed by others')
  }

  async #stored(): Promise<ReadonlySet<string>> {
    const record = await this.#records.state.get(KEY)
    return new Set(record ? (JSON.parse(record.value) as string[]) : [])
  }

  #keep(issuers: ReadonlySet<string>): void {
    this.#issuers = issuers
    this.#loadedAt = this.#clock.now()
  }
}
