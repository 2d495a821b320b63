/** The connection to Redis: never sends a write twice, never waits for long, and tells silence from a verdict. */
import { isConfigurationError, UnavailableError } from '@fastify-mcp-auth/core'
import { type Cluster, Redis, type RedisOptions } from 'ioredis'
import { type RedisClient, type ResolvedOptions, refuse } from './options.ts'

/** Milliseconds after which somebody who waits for an answer is told that there is none. */
const PATIENCE = 5000

// A write may have been done although its answer was lost. Sent once more, its guard would no longer hold, and the caller would
// hear "lost" about a race that it has won. So whatever was under way when a connection broke is an error: the first two options
// below each see to that.
const ONCE = {
  lazyConnect: true,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: false,
  enableOfflineQueue: true,
  enableReadyCheck: true,
  connectTimeout: PATIENCE,
  socketTimeout: PATIENCE,
  // After a failover the old primary answers, but must not be asked: look for the new one.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  replyMapping: 'legacy' as const,
  keyPrefix: '',
  readOnly: false,
  role: 'master' as const,
  monitor: false,
  stringNumbers: false
} satisfies RedisOptions

export interface Connection {
  readonly client: RedisClient
  /** Begins every key. */
  readonly prefix: string
  close(): void
}

/** Connects to nothing yet. @throws ConfigurationError naming the option */
export function connect({ url, client: given, keyPrefix }: ResolvedOptions): Connection {
  const client = given ? duplicate(given) : new Redis(String(url), ONCE)
  // Every verb has an error of its own; without a listener ioredis would print each one besides.
  client.on('error', () => {})
  const ours = given?.options.keyPrefix ?? ''
  // Redis takes what stands in the first pair of braces for the slot, and an empty pair for no pair at all.
  if (ours.includes('{'))
    throw refuse('option "client" has a keyPrefix with a brace, which would decide about the slots of a cluster')
  return { client, prefix: ours + keyPrefix, close: () => client.disconnect() }
}

function duplicate(given: RedisClient): RedisClient {
  if (!given.isCluster) return (given as Redis).duplicate(ONCE)
  const client = given as Cluster
  // Sends a command again whose connection broke unless this is 0. Redirections (MOVED, ASK) were not carried out and are followed.
  const once = { lazyConnect: true, keyPrefix: '', scaleReads: 'master', retryDelayOnFailover: 0 } as const
  return client.duplicate([], { ...once, redisOptions: { ...client.options.redisOptions, ...ONCE } })
}

/**
 * Waits for an answer, but not longer than anybody would. What was sent may still happen after that: nobody knows.
 *
 * @throws UnavailableError when Redis did not answer, is starting, failing over or full; wrong commands as they are
 */
export async function answer<T>(ask: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE)
  })
  try {
    return await Promise.race([ask(), silence])
  } catch (error) {
    const cause = withoutValues(error)
    if (isConfigurationError(cause) || isMistake(cause)) throw cause
    throw new UnavailableError('Redis did not answer', { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** Errors that would come again: a key that somebody else uses, a command that is not allowed to this user or not known. */
function isMistake(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return false
  return /^(WRONGTYPE|NOPERM|CROSSSLOT|ERR (?!max number of clients))/.test(error.message)
}

// ioredis puts the whole command with all its values on the error, and loggers print that.
function withoutValues(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command
  return error
}

/** All primaries: one, or those of a cluster. */
export async function primaries({ client, prefix }: Connection): Promise<readonly Redis[]> {
  if (!client.isCluster) return [client as Redis]
  // The nodes of a cluster are known once it has answered.
  await client.exists(prefix)
  return (client as Cluster).nodes('master')
}
