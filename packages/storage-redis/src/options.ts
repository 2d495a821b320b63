/** Options of the Redis driver: check, type, default and documentation in one literal. */
import { ConfigurationError, resolveOptions } from '@fastify-mcp-auth/core'
import type { Cluster, Redis } from 'ioredis'
import { type Static, Type } from 'typebox'

/** A client of ioredis: for one server, for Sentinel, or for a Cluster. */
export type RedisClient = Redis | Cluster

const hasDuplicate = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof Reflect.get(value, 'duplicate') === 'function'

export const Options = Type.Object(
  {
    /** Where the server is: `redis://user:password@host:6379/0`, or `rediss://` for TLS. Either this or `client`. */
    url: Type.Optional(Type.String({ minLength: 1 })),
    /**
     * An ioredis client that the app already has, for one server, Sentinel or Cluster. Where and how it connects is taken from
     * it, its `keyPrefix` too; the connection is the driver's own, because a client that sends a write again after a broken
     * connection would report a race as lost that was won.
     */
    client: Type.Optional(
      Type.Unsafe<RedisClient>(
        Type.Refine(Type.Unknown(), hasDuplicate, () => 'must be a client of ioredis, with the method duplicate')
      )
    ),
    /** Begins every key: one deployment, one prefix. Letters, digits, `.`, `:`, `_` and `-`. */
    keyPrefix: Type.String({ default: 'mcp-auth:', pattern: '^[A-Za-z0-9.:_-]{1,64}$' }),
    /**
     * Seconds for which an expired record is kept in case nobody calls `cleanup`; then Redis drops it by itself. For collections
     * without an index. Has to be longer than clocks are apart.
     */
    retention: Type.Integer({ default: 3600, minimum: 60, maximum: 31_536_000 }),
    /**
     * Says that this server holds short-lived records only, as `storage.shortLived` of the authorization server, so that it may
     * have another `maxmemory-policy` than `noeviction`. A record that Redis drops early costs a sign-in in progress, and lets a
     * client assertion be used once more before it expires.
     */
    shortLivedOnly: Type.Boolean({ default: false })
  },
  { additionalProperties: false }
)

/** What {@link redisStorage} accepts. */
export type RedisStorageOptions = Partial<Static<typeof Options>>

/** Options as the driver uses them; exactly one of `url` and `client` is there. */
export type ResolvedOptions = Static<typeof Options>

/** @throws ConfigurationError naming the option */
export function readOptions(input: RedisStorageOptions): ResolvedOptions {
  const options = resolveOptions(Options, input, 'storage-redis')
  const { url, client } = options
  if (url !== undefined && client !== undefined) throw refuse('options "url" and "client" exclude each other')
  if (url === undefined && client === undefined) throw refuse('option "url" is missing')
  // The rest of the URL may be a password.
  if (url !== undefined && !/^rediss?:\/\/[^\s]+$/.test(url))
    throw refuse('option "url" must begin with redis:// or rediss://')
  return options
}

export function refuse(message: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `storage-redis: ${message}`)
}
