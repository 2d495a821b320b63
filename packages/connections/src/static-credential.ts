/** Keys that a person pasted. They go in and never come out again, but to the server that they are for. */
import { NO_OAUTH, readConnection, writeConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { McpConnectionError } from './errors.ts'
import { countAttempt } from './limits.ts'
import { sealCredential } from './seal.ts'
import { summaryOf } from './status.ts'
import { syncAfterConnect } from './tool-sync.ts'
import type { ConnectionSummary, Owner, SetCredentialOptions } from './types.ts'

const MAX_SECRET = 8192

export async function storeCredential(
  context: Context,
  owner: Owner | null,
  server: string,
  options: SetCredentialOptions
): Promise<ConnectionSummary> {
  const target = await targetOf(context, owner, server, options)
  const { definition, place } = target
  if (definition.auth !== 'bearer' && definition.auth !== 'header')
    throw new McpConnectionError('MCP_NOT_ALLOWED', 'the server is not connected by a key', { server })
  const secret = assertSecret(options.secret)
  const { ip } = options
  // A program that stores keys is not somebody who tries some.
  if (ip !== undefined) await countAttempt(context, 'store', { ownerKey: place.ownerKey, ip, server })
  const sealed = sealCredential(context.ring, place, definition.url, {
    token: secret,
    refreshToken: null,
    dpopKey: null,
    client: null
  })
  const before = await writeConnection(context, target, {
    ...NO_OAUTH,
    url: definition.url,
    kind: definition.auth,
    sealed,
    accessExpiresAt: options.expiresAt ?? null
  })
  context.events.emit(before ? 'reconnected' : 'connected', place, { kind: definition.auth, scopes: [] })
  syncAfterConnect(context, target)
  return currentSummary(context, target)
}

async function currentSummary(context: Context, target: Target): Promise<ConnectionSummary> {
  return summaryOf(context, target, await readConnection(context, target.place))
}

/** What can stand in a header, and nothing that would end it. */
export function assertSecret(secret: unknown): string {
  const trimmed = typeof secret === 'string' ? secret.trim() : ''
  if (trimmed.length < 1 || trimmed.length > MAX_SECRET || !/^[\x21-\x7E]+(?: [\x21-\x7E]+)*$/.test(trimmed))
    throw new McpConnectionError('MCP_INVALID_INPUT', 'the key is empty, too long or has a character that no key has')
  return trimmed
}
