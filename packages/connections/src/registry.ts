/** The servers: those of the options, and those that were added while the app runs. */
import { type Clock, isConfigurationError, type KeyRing, resolveOptions } from '@fastify-mcp-auth/core'
import { definitionFault } from './definition.ts'
import { McpConnectionError } from './errors.ts'
import { type ResolvedOptions, ServerDefinition } from './options.ts'
import type { Records, ServerRecord } from './records.ts'
import type { RegisteredServer } from './types.ts'

/** What a definition says when it is given from outside: defaults may be left out. */
export type DefinitionInput = Partial<ServerDefinition> & { readonly url: string }

export interface Registry {
  /** @throws McpConnectionError `MCP_UNKNOWN_SERVER` */
  get(id: string): Promise<RegisteredServer>
  /** Like `get`, for use. @throws McpConnectionError `MCP_UNKNOWN_SERVER`, `MCP_SERVER_DISABLED` */
  usable(id: string): Promise<RegisteredServer>
  list(): Promise<RegisteredServer[]>
  add(id: string, definition: DefinitionInput): Promise<RegisteredServer>
  update(id: string, definition: DefinitionInput): Promise<RegisteredServer>
  /** The entry only, not the connections to it. */
  remove(id: string): Promise<boolean>
  setDisabled(id: string, disabled: boolean): Promise<void>
  /** Encrypts its secret anew. @returns whether that was needed */
  reseal(id: string): Promise<boolean>
}

export function createRegistry(settings: {
  readonly options: ResolvedOptions
  readonly records: Pick<Records, 'servers'>
  readonly ring: KeyRing
  readonly clock: Clock
}): Registry {
  return new StoredRegistry(settings)
}

class StoredRegistry implements Registry {
  readonly #settings: Parameters<typeof createRegistry>[0]

  constructor(settings: Parameters<typeof createRegistry>[0]) {
    this.#settings = settings
  }

  async get(id: string): Promise<RegisteredServer> {
    const found = this.#entry(id, await this.#settings.records.servers.get(id))
    if (!found) throw new McpConnectionError('MCP_UNKNOWN_SERVER', 'no such server is registered', { server: id })
    return found
  }

  async usable(id: string): Promise<RegisteredServer> {
    const found = await this.get(id)
    if (found.disabled)
      throw new McpConnectionError('MCP_SERVER_DISABLED', 'the server is switched off', { server: id })
    return found
  }

  async list(): Promise<RegisteredServer[]> {
    const stored = new Map<string, ServerRecord>()
    for (let cursor: string | null = null; ; ) {
      const page = await this.#settings.records.servers.list('source', 'stored', { limit: 1000, cursor })
      for (const { key, record } of page.records) stored.set(key, record)
      cursor = page.cursor
      if (cursor === null) break
    }
    const ids = [...new Set([...Object.keys(this.#settings.options.servers), ...stored.keys()])]
    return ids.flatMap(id => this.#entry(id, stored.get(id) ?? null) ?? [])
  }

  async add(id: string, input: DefinitionInput): Promise<RegisteredServer> {
    const record = this.#recordOf(id, input)
    const { servers } = this.#settings.records
    if (!(await servers.insert(id, record))) throw this.#notAllowed(id, 'the id is taken')
    return this.get(id)
  }

  async update(id: string, input: DefinitionInput): Promise<RegisteredServer> {
    const { disabledAt: _, ...patch } = this.#recordOf(id, input)
    if (!(await this.#settings.records.servers.update(id, {}, patch))) await this.get(id)
    return this.get(id)
  }

  async remove(id: string): Promise<boolean> {
    if (Object.hasOwn(this.#settings.options.servers, id)) throw this.#notAllowed(id, 'the server is in the options')
    return this.#settings.records.servers.remove(id)
  }

  async setDisabled(id: string, disabled: boolean): Promise<void> {
    await this.get(id)
    const { records, clock } = this.#settings
    const now = clock.now()
    const change = { disabledAt: disabled ? now : null, updatedAt: now }
    if (await records.servers.update(id, {}, change)) return
    const blank = { definition: null, sealed: null, source: 'stored', ...change }
    if (!(await records.servers.insert(id, blank))) await records.servers.update(id, {}, change)
  }

  async reseal(id: string): Promise<boolean> {
    const { records, ring } = this.#settings
    const record = await records.servers.get(id)
    if (!record?.definition || record.sealed === null || !ring.isOutdated(record.sealed)) return false
    const secret = ring.unseal(record.sealed, contextOf(id, record.definition))
    if (secret === null) return false
    const sealed = ring.seal(secret, contextOf(id, record.definition))
    return records.servers.update(id, { sealed: record.sealed }, { sealed })
  }

  #entry(id: string, record: ServerRecord | null): RegisteredServer | null {
    const { servers } = this.#settings.options
    const written = Object.hasOwn(servers, id) ? servers[id] : undefined
    const disabled = record?.disabledAt != null
    if (written) return { id, definition: written, source: 'options', disabled }
    if (!record?.definition || !this.#settings.options.allowCustomServers) return null
    const { definition } = record
    const secret = record.sealed === null ? null : this.#settings.ring.unseal(record.sealed, contextOf(id, definition))
    if (secret === null || !definition.oauth?.client) return { id, definition, source: 'stored', disabled }
    const oauth = { ...definition.oauth, client: { ...definition.oauth.client, clientSecret: secret } }
    return { id, definition: { ...definition, oauth }, source: 'stored', disabled }
  }

  /** The secret apart from the rest, and sealed for the issuer that it is for. */
  #recordOf(id: string, input: DefinitionInput): ServerRecord {
    const { options, ring, clock } = this.#settings
    if (!options.allowCustomServers) throw this.#notAllowed(id, '"allowCustomServers" is off')
    if (Object.hasOwn(options.servers, id)) throw this.#notAllowed(id, 'the server is in the options')
    const definition = this.#checked(id, input)
    const { clientSecret, ...client } = definition.oauth?.client ?? {}
    const kept = definition.oauth?.client
      ? { ...definition, oauth: { ...definition.oauth, client: client as NonNullable<typeof definition.oauth.client> } }
      : definition
    const sealed = clientSecret === undefined ? null : ring.seal(clientSecret, contextOf(id, kept))
    return { definition: kept, sealed, disabledAt: null, source: 'stored', updatedAt: clock.now() }
  }

  #checked(id: string, input: DefinitionInput): ServerDefinition {
    try {
      const definition = resolveOptions(ServerDefinition, input, `server "${id}"`)
      if (definition.oauth?.client?.privateKey)
        throw new McpConnectionError(
          'MCP_INVALID_INPUT',
          `server "${id}": "privateKey" is for servers in the options`,
          {
            server: id
          }
        )
      // What is trusted because the operator wrote it in code is not to be had through a form.
      const fault = definition.internal
        ? '"internal" is for servers in the options'
        : definitionFault(id, definition, this.#settings.options)
      if (fault) throw new McpConnectionError('MCP_INVALID_INPUT', `server "${id}": ${fault}`, { server: id })
      return definition
    } catch (error) {
      if (!isConfigurationError(error)) throw error
      throw new McpConnectionError('MCP_INVALID_INPUT', error.message, { server: id })
    }
  }

  #notAllowed(id: string, why: string): McpConnectionError {
    return new McpConnectionError('MCP_NOT_ALLOWED', why, { server: id })
  }
}

function contextOf(id: string, { url, oauth }: ServerDefinition): string {
  return JSON.stringify(['connection_servers', id, url, oauth?.client?.issuer, oauth?.client?.clientId])
}
