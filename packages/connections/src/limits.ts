/** How often somebody may begin or complete a connection: two windows, counted in the storage, so that all processes count together. */
import { digest } from '@fastify-mcp-auth/core'
import type { Context } from './context.ts'
import { McpConnectionError } from './errors.ts'

const WINDOWS = [
  { seconds: 60, limit: 'perMinute' },
  { seconds: 86_400, limit: 'perDay' }
] as const

/** An address stands for more people than an owner does. */
const ADDRESS_FACTOR = 10

/**
 * Counts one attempt.
 *
 * @param kind each is counted apart
 * @throws McpConnectionError `MCP_RATE_LIMITED`
 */
export async function countAttempt(
  context: Context,
  kind: 'start' | 'complete' | 'store' | 'refresh',
  {
    ownerKey,
    ip,
    server
  }: { readonly ownerKey?: string | undefined; readonly ip?: string | undefined; readonly server?: string }
): Promise<void> {
  const { limits } = context.options
  if (limits === false) return
  const now = context.clock.now()
  for (const { seconds, limit } of WINDOWS) {
    const window = Math.floor(now / seconds)
    const keys: [string, number][] = [
      ...(ownerKey === undefined ? [] : [[ownerKey, limits[limit]] as [string, number]]),
      ...(ip === undefined ? [] : [[`ip ${ip}`, limits[limit] * ADDRESS_FACTOR] as [string, number]])
    ]
    for (const [who, most] of keys) {
      const key = digest(JSON.stringify(['limit', kind, who, seconds, window]))
      const end = (window + 1) * seconds
      if (await isWithin(context, key, { most, expiresAt: end })) continue
      throw new McpConnectionError('MCP_RATE_LIMITED', 'too many attempts to connect', {
        server,
        reason: limit,
        retryAfter: Math.max(1, end - now)
      })
    }
  }
}

async function isWithin(
  { records }: Context,
  key: string,
  { most, expiresAt }: { most: number; expiresAt: number }
): Promise<boolean> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const record = await records.limits.get(key)
    if (!record) {
      if (await records.limits.insert(key, { count: 1, expiresAt })) return true
      continue
    }
    const { count } = record
    if (count >= most) return false
    if (await records.limits.update(key, { count }, { count: count + 1 })) return true
  }
  // So many at the same moment are too many.
  return false
}
