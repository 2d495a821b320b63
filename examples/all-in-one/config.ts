/** What can be set from outside, read once at the start. */
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isHttpLoopback, randomSecret } from '@fastify-mcp-auth/core'

export interface Config {
  readonly host: string
  readonly port: number
  /** Origin under which browsers and clients reach the app; the issuer and the resource are built from it, never from a request. */
  readonly publicUrl: string
  /** Something stands between the clients and us, so addresses and the protocol come from forwarding headers. */
  readonly behindProxy: boolean
  /** `memory:`, `sqlite:<file>`, `postgres://...`, `mysql://...` or `redis://...`. */
  readonly databaseUrl: string
  /** `redis://...`: for what lives for minutes, and to count requests; null to keep that in the database and in the process. */
  readonly redisUrl: string | null
  /** 32 bytes in base64; encrypts signing keys and replayed responses in the database. */
  readonly encryptionKey: string
}

type Environment = { readonly [name: string]: string | undefined }

/**
 * @param environment `PORT`, `HOST`, `PUBLIC_URL`, `DATABASE_URL`, `REDIS_URL`, `ENCRYPTION_KEY`
 * @param dataDirectory where the database file and the encryption key live when they are not given
 * @throws Error naming the variable that cannot be used
 */
export function readConfig(environment: Environment, dataDirectory = resolve('data')): Config {
  const port = readPort(environment['PORT'] || '3000')
  const host = environment['HOST'] || '127.0.0.1'
  const publicUrl = readPublicUrl(environment['PUBLIC_URL'] || `http://127.0.0.1:${port}`)
  const databaseUrl = readDatabaseUrl(environment['DATABASE_URL'] || `sqlite:${join(dataDirectory, 'notes.sqlite')}`)
  return {
    host,
    port,
    publicUrl,
    behindProxy: !isHttpLoopback(publicUrl) || new URL(publicUrl).port !== String(port),
    databaseUrl,
    redisUrl: readRedisUrl(environment['REDIS_URL'] || null),
    encryptionKey:
      environment['ENCRYPTION_KEY'] || (databaseUrl === 'memory:' ? newKey() : readOrCreateKey(dataDirectory))
  }
}

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw new Error(`PORT must be from 1 to 65535, not "${text}"`)
  return port
}

function readPublicUrl(text: string): string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.hash || url.username)
    throw new Error(`PUBLIC_URL must be an origin such as https://notes.example.com, not "${text}"`)
  return url.origin
}

function readDatabaseUrl(text: string): string {
  if (text === 'memory:' || /^(sqlite|postgres|postgresql|mysql|mariadb|rediss?):./.test(text)) return text
  throw new Error('DATABASE_URL must begin with sqlite:, postgres://, mysql:// or redis://, or be memory:')
}

function readRedisUrl(text: string | null): string | null {
  if (text === null || /^rediss?:\/\/./.test(text)) return text
  throw new Error('REDIS_URL must begin with redis:// or rediss://')
}

/** Every process on this machine gets the same key: the first one to put a whole file in place wins. */
function readOrCreateKey(directory: string): string {
  const file = join(directory, 'encryption.key')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}`
    writeFileSync(draft, newKey(), { mode: 0o600 })
    try {
      linkSync(draft, file)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    } finally {
      unlinkSync(draft)
    }
  }
  return readFileSync(file, 'utf8').trim()
}

function newKey(): string {
  return Buffer.from(randomSecret(32), 'base64url').toString('base64')
}
