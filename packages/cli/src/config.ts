/** The file in which a project says what the commands work on: its app, its storage, its collections. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type AuthorizationServer,
  type CollectionDeclaration,
  ConfigurationError,
  isStorage,
  type SplitStorage,
  STORAGE_VERBS,
  type StorageDriver
} from '@fastify-mcp-auth/core'

/** A Fastify app as far as commands need it. It is made ready and closed again, and never listens. */
export interface BootableApp {
  ready(): PromiseLike<unknown>
  close(): PromiseLike<unknown>
  inject(url: string): PromiseLike<{ readonly statusCode: number; readonly body: string }>
}

type Awaitable<T> = T | PromiseLike<T>
type OpenStorage = () => Awaitable<StorageDriver | SplitStorage>

/** What `mcp-auth.config.js` or `mcp-auth.config.ts` exports by default. A command names the member that it lacks. */
export interface CliConfig {
  /**
   * Builds the app as it serves, with the authorization server or connections in it, and without listening. For `keys`, `cleanup`,
   * `stats`, `revoke`, `clients`, `connections` and `doctor`. Where one app has several issuers: the scope of the one that is meant.
   */
  readonly app?: () => Awaitable<BootableApp>
  /** Opens the storage of the app, the database and the prefix that it uses. For `migrate`, `copy` and `doctor`. */
  readonly storage?: OpenStorage
  /** Other storages, by name, for `copy`. */
  readonly storages?: { readonly [name: string]: OpenStorage }
  /**
   * Everything that is kept there: the `collections` of the authorization server, `Object.values(COLLECTIONS)` of connections, and those of
   * the app. What is not listed is neither migrated nor copied. For `migrate`, `copy`, `doctor`.
   */
  readonly collections?: readonly CollectionDeclaration[]
}

/** Gives the configuration its type; changes nothing. */
export function defineConfig(config: CliConfig): CliConfig {
  return config
}

const NAMES = ['mcp-auth.config.ts', 'mcp-auth.config.js', 'mcp-auth.config.mjs']

/**
 * @param file where it is; without it, the first of {@link NAMES} in the working directory
 * @throws ConfigurationError when there is none, or it exports something else
 */
export async function loadConfig(file?: string): Promise<CliConfig> {
  const path = file === undefined ? NAMES.map(name => resolve(name)).find(existsSync) : resolve(file)
  if (path === undefined || !existsSync(path))
    throw refuse(
      `there is no ${file ?? NAMES.join(', ')} here: write one with "mcp-auth init", or name it with --config`
    )
  const { default: config } = (await import(pathToFileURL(path).href).catch(explain(path))) as { default?: unknown }
  if (typeof config !== 'object' || config === null)
    throw refuse(`${path} must export its configuration by default: export default defineConfig({ ... })`)
  return config
}

function explain(path: string): (error: unknown) => never {
  return error => {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION')
      throw refuse(
        `${path}: this version of Node reads TypeScript only with --experimental-strip-types: take 22.18 or newer`
      )
    throw error
  }
}

/** @throws ConfigurationError naming what the configuration lacks */
export function wanted<K extends keyof CliConfig>(config: CliConfig, member: K): NonNullable<CliConfig[K]> {
  const value = config[member]
  if (value === undefined || value === null)
    throw refuse(`the configuration lacks "${member}", which this command needs`)
  return (typeof value === 'function' ? value.bind(config) : value) as NonNullable<CliConfig[K]>
}

/** @throws ConfigurationError when the function gives no storage */
export async function openConfigured(open: OpenStorage, name: string): Promise<SplitStorage> {
  const storage = await open()
  if (!isStorage(storage))
    throw refuse(`"${name}" must give a driver (${STORAGE_VERBS.join(', ')}) or { default, shortLived }`)
  return 'get' in storage ? { default: storage, shortLived: storage } : storage
}

/** Ends both; one that was handed in twice once. */
export async function closeStorage(storage: SplitStorage): Promise<void> {
  for (const driver of new Set([storage.default, storage.shortLived])) await driver.close?.()
}

/** The authorization server of an app that is ready. @throws ConfigurationError when there is none in this scope */
export function serverOf(app: BootableApp): AuthorizationServer {
  const server: unknown = Reflect.get(app, 'authorizationServer')
  if (typeof server !== 'object' || server === null)
    throw refuse('"app" gives an app without the authorization server: return the instance on which it is registered')
  return server as AuthorizationServer
}

export function refuse(message: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `mcp-auth: ${message}`)
}
