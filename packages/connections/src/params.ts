/**
 * Headers that one connection carries besides its credential: the id of a workspace, or a second key. Which there may be, the definition of
 * the server says; what they are, its owner. They go where the credential goes, and only with it.
 */
import type { KeyRing } from '@fastify-mcp-auth/core'
import { readConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { McpConnectionError } from './errors.ts'
import type { Place } from './owner.ts'
import type { ParamNames } from './param-names.ts'
import type { ConnectionRecord } from './records.ts'
import { connectionError, needsReauth } from './token.ts'
import type { AccountChoice, Owner } from './types.ts'

const MAX_VALUE = 2048

type Values = Readonly<Record<string, string>>

export interface ParamsToKeep {
  /** Names of those that stay as they are, unless they are given. */
  readonly keep?: readonly string[] | undefined
}

/**
 * Replaces all of them but those to keep.
 *
 * @throws McpConnectionError `MCP_INVALID_INPUT` for a name that the server does not have, or a value that cannot be in a header;
 *   `MCP_NOT_CONNECTED`; `MCP_NEEDS_REAUTH` (`key_unavailable`) when what is to be kept cannot be read
 */
export async function setParams(
  context: Context,
  owner: Owner | null,
  server: string,
  { params, account, keep = [] }: AccountChoice & ParamsToKeep & { readonly params: Values | null }
): Promise<void> {
  const target = await targetOf(context, owner, server, { account })
  const { definition, place } = target
  const given = readParams(params ?? {}, definition.params ?? {}, server)
  const isKept = (name: string): boolean => keep.includes(name) && !given.some(([other]) => other === name)
  const record = await readConnection(context, place)
  if (record?.url !== definition.url)
    throw connectionError(context, target, 'MCP_NOT_CONNECTED', 'there is no connection to the server')
  const kept = keep.length === 0 ? [] : headersOf(context, target, record).filter(([name]) => isKept(name))
  const all = [...kept, ...given]
  const of = (kind: string) => Object.fromEntries(all.filter(([name]) => definition.params?.[name] === kind))
  const change = {
    params: of('clear'),
    sealedParams: sealParams(context.ring, place, { url: record.url, values: of('secret') }),
    updatedAt: context.clock.now()
  }
  // Of this grant only: what is connected meanwhile may be another server.
  const { ownerKey, grant, sealedParams = null } = record
  const guard = { ownerKey, grant, ...(keep.length === 0 ? {} : { sealedParams }) }
  if (!(await context.records.connections.update(place.id, guard, change)))
    throw connectionError(context, target, 'MCP_STORE_CONFLICT', 'the connection was changed meanwhile')
}

function readParams(params: Values, names: ParamNames, server: string): [string, string][] {
  if (typeof params !== 'object' || Array.isArray(params))
    throw new McpConnectionError('MCP_INVALID_INPUT', '"params" must be an object of texts', { server })
  return Object.entries(params).map(([name, value]) => {
    if (!Object.hasOwn(names, name))
      throw new McpConnectionError('MCP_INVALID_INPUT', `the server has no parameter ${JSON.stringify(name)}`, {
        server
      })
    if (typeof value !== 'string' || value.length > MAX_VALUE || !/^[\x21-\x7E]+(?: [\x21-\x7E]+)*$/.test(value))
      throw new McpConnectionError(
        'MCP_INVALID_INPUT',
        `the value of "${name}" is empty, too long or has a character that no header has`,
        { server }
      )
    return [name, value]
  })
}

/** What to send with the credential of this record. @throws McpConnectionError rather than to act without them, in another workspace */
export function headersOf(context: Context, target: Target, record: ConnectionRecord): readonly [string, string][] {
  const names = target.definition.params ?? {}
  const sealed = record.sealedParams ?? null
  const secret = sealed === null ? {} : unsealParams(context.ring, target.place, { url: record.url, sealed })
  if (secret === null) throw needsReauth(context, target, 'key_unavailable')
  return Object.entries({ ...record.params, ...secret }).filter(([name]) => Object.hasOwn(names, name))
}

/** @returns the same under the first key; null when it is that already, or cannot be read */
export function resealParams(ring: KeyRing, place: Place, { url, sealedParams }: ConnectionRecord): string | null {
  const sealed = sealedParams ?? null
  if (sealed === null || !ring.isOutdated(sealed)) return null
  const values = unsealParams(ring, place, { url, sealed })
  return values && sealParams(ring, place, { url, values })
}

function sealParams(
  ring: KeyRing,
  place: Place,
  { url, values }: { readonly url: string; readonly values: Values }
): string | null {
  return Object.keys(values).length === 0 ? null : ring.seal(JSON.stringify(values), contextOf(place, url))
}

function unsealParams(
  ring: KeyRing,
  place: Place,
  { url, sealed }: { readonly url: string; readonly sealed: string }
): Values | null {
  const text = ring.unseal(sealed, contextOf(place, url))
  return text === null ? null : (JSON.parse(text) as Values)
}

// Beside the credential, and never in its place.
function contextOf({ id, ownerKey, server, account }: Place, url: string): string {
  return JSON.stringify(['connection_params', id, ownerKey, server, account, url])
}
