/** Reads the options: each by its schema, then what they must promise together. Before anything is opened. */
import {
  assertIssuer,
  ConfigurationError,
  createKeyRing,
  isConfigurationError,
  isHttpLoopback,
  type KeyRing,
  randomSecret,
  readStorage,
  resolveOptions,
  type SplitStorage
} from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { definitionFault } from './definition.ts'
import { type KeySource, Options, type ResolvedOptions, ServerDefinition } from './options.ts'
import { routePathFault } from './route-paths.ts'

/** Options that can be trusted, and what follows from them. */
export interface Settings {
  readonly options: ResolvedOptions
  readonly storage: SplitStorage
  /** Makes the key ring. @throws ConfigurationError for keys that are none */
  readonly openRing: () => Promise<KeyRing>
  /** Nothing is kept when the process ends. */
  readonly isForgetful: boolean
}

/** @throws ConfigurationError naming the option */
export function readOptions(input: unknown): Settings {
  const options = resolveOptions(Options, withServers(input), 'connections')
  assertOrigin(options.baseUrl)
  const misplaced = routePathFault(options)
  if (misplaced) throw refused(misplaced.option, misplaced.why)
  if (options.defaultServer !== undefined && !Object.hasOwn(options.servers, options.defaultServer))
    throw refused('defaultServer', 'must be the id of a server of "servers"')
  const isLocal = isHttpLoopback(options.baseUrl)
  if (!options.storage && !isLocal)
    throw refused('storage', 'is missing: what people connected would be gone with the process')
  const storage = readStorage(options.storage ?? memoryStorage())
  const { durable, shared } = storage.default.capabilities
  const atomic = storage.default.capabilities.atomic && storage.shortLived.capabilities.atomic
  if (shared && !storage.shortLived.capabilities.shared) {
    throw new ConfigurationError(
      'FST_OAUTH_STORAGE',
      'connections: option "storage.shortLived" is not shared, but "storage.default" is: a second process would not know what the first one began'
    )
  }
  if (!atomic && !isLocal) {
    throw new ConfigurationError(
      'FST_OAUTH_STORAGE',
      'connections: option "storage" is not atomic, so two processes could spend the same refresh token'
    )
  }
  if ((durable || shared) && !options.encryptionKeys)
    throw refused('encryptionKeys', 'is missing: tokens are kept encrypted. Make one with `openssl rand -base64 32`')
  if (options.refresh.lease <= options.refresh.timeout)
    throw refused('refresh.lease', 'must be longer than "refresh.timeout"')
  assertDocumentUrl(options.client.documentUrl)
  for (const [id, definition] of Object.entries(options.servers)) {
    const fault = definitionFault(id, definition, options)
    if (fault) throw refused(`servers.${id}`, fault)
  }
  const { encryptionKeys = [randomSecret(32)] } = options
  // Keys that are written in the options are read at once, so that what is wrong with them is told first.
  const ring = typeof encryptionKeys === 'function' ? null : keyRing(encryptionKeys)
  const openRing = async (): Promise<KeyRing> => ring ?? keyRing(await (encryptionKeys as KeySource)())
  return { options, storage, openRing, isForgetful: !durable }
}

// Defaults of the members of a record are not filled in with those of the whole, so each server is read by itself.
function withServers(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || !('servers' in input)) return input
  const { servers } = input
  if (typeof servers !== 'object' || servers === null) return input
  const read = Object.entries(servers).map(([id, definition]) => [
    id,
    resolveOptions(ServerDefinition, definition, `connections: server "${id}"`)
  ])
  return { ...input, servers: Object.fromEntries(read) }
}

function keyRing(keys: readonly string[]): KeyRing {
  try {
    return createKeyRing(keys)
  } catch (error) {
    throw isConfigurationError(error) ? new ConfigurationError(error.code, `connections: ${error.message}`) : error
  }
}

function assertOrigin(baseUrl: string): void {
  assertIssuer(baseUrl, 'baseUrl')
  if (new URL(baseUrl).origin !== baseUrl)
    throw refused('baseUrl', 'must be an origin, without path and slash; the path goes into "prefix"')
}

// draft-ietf-oauth-client-id-metadata-document section 3: what servers have to refuse is better refused here.
function assertDocumentUrl(text: string | undefined): void {
  if (text === undefined) return
  const url = URL.parse(text)
  const isPlain = url?.protocol === 'https:' && url.pathname !== '/' && url.hash === '' && url.username === ''
  if (!isPlain || url.href !== text || url.pathname.split('/').some(part => part === '.' || part === '..'))
    throw refused('client.documentUrl', 'must be an https URL with a path, as it is written, without fragment')
}

function refused(option: string, why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `connections: option "${option}" ${why}`)
}
