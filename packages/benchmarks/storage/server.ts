/** Ours on a storage that is named, with the means to look at it. */
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { startFastifyMcpAuth } from '../authorization-server/fastify-mcp-auth.ts'
import type { Issuing } from '../authorization-server/issuing.ts'
import type { Contender } from '../contender.ts'

export function openStorage(url: string): StorageDriver {
  return url.startsWith('redis:') ? redisStorage({ url }) : sqlStorage({ url })
}

export const contender: Contender<Issuing & { readonly url: string }> = {
  does: 'flow of 2 requests, consent remembered, on a database',
  leavesOut: 'rate limits (off)',
  start: ({ url, ...issuing }) => startFastifyMcpAuth(issuing, 'remembered', openStorage(url))
}
