/** Who a request says it comes from, before anything is proven: only to count it. */
import type { FastifyRequest } from 'fastify'
import type { Limited } from './rate-limit.ts'

/** Client and kind of grant by form, query or Basic credentials; those that are not plain text count as none. */
export function claimedCaller(
  { body, query, headers }: FastifyRequest,
  grantTypes: ReadonlyMap<string, unknown>
): Pick<Limited, 'clientId' | 'grantType'> {
  const grantType = member(body, 'grant_type')
  return {
    clientId: member(body, 'client_id') ?? member(query, 'client_id') ?? basicName(headers.authorization),
    // Ever new words would make ever new counters.
    grantType: grantType !== undefined && grantTypes.has(grantType) ? grantType : undefined
  }
}

function member(source: unknown, name: string): string | undefined {
  if (typeof source !== 'object' || source === null || !Object.hasOwn(source, name)) return undefined
  const value: unknown = Reflect.get(source, name)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function basicName(authorization: string | undefined): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1]
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('latin1').split(':')[0]
}
