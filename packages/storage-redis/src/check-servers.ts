/** Looks at the servers before anything is kept in them. */
import { type CollectionDeclaration, ConfigurationError } from '@fastify-mcp-auth/core'
import { type Connection, primaries } from './connection.ts'
import type { ResolvedOptions } from './options.ts'

/** @throws ConfigurationError `FST_OAUTH_STORAGE` when a server may drop what it must not, or when it was told less than the truth */
export async function checkServers(
  connection: Connection,
  collections: readonly CollectionDeclaration[],
  { shortLivedOnly }: Pick<ResolvedOptions, 'shortLivedOnly'>
): Promise<void> {
  const lasting = collections.find(collection => !collection.shortLived)
  if (shortLivedOnly && lasting)
    throw refuse(`option "shortLivedOnly" is set, but records of "${lasting.name}" have to last`)
  for (const server of await primaries(connection)) {
    const [, policy = 'unknown'] = /^maxmemory_policy:(\S+)/m.exec(await server.info('memory')) ?? []
    if (policy === 'noeviction' || shortLivedOnly) continue
    throw refuse(
      `the server's maxmemory-policy is "${policy}", so it may drop grants to make room; set it to "noeviction", or keep only short-lived records here and say so with option "shortLivedOnly"`
    )
  }
}

function refuse(message: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_STORAGE', `storage-redis: ${message}`)
}
