/** Which headers a connection may carry besides its credential: said by the operator, so that no owner can put anything else into a request. */
import type { ServerDefinition } from './options.ts'
import type { ConnectionRecord } from './records.ts'

/** Names of headers; what is `secret` is encrypted and never shown. */
export type ParamNames = NonNullable<ServerDefinition['params']>

/** What would change where a request goes, how it is framed, or what the transport says about itself. */
const RESERVED_HEADER =
  /^(?:host|connection|keep-alive|content-.*|transfer-encoding|upgrade|te|trailer|expect|accept.*|cookie|origin|mcp-.*|last-event-id|proxy-.*)$/i

// What says who asks, or from where.
const RESERVED_PARAM = /^(?:authorization|dpop|user-agent|referer|via|forwarded|x-forwarded-.*|x-real-ip|sec-.*)$/i

/** Whether a key or a parameter can be sent as it. */
export function isOwnHeader(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && !RESERVED_HEADER.test(name)
}

/** What is wrong with the names, or null. @param header of the credential */
export function paramNamesFault(names: ParamNames, header: string | undefined): string | null {
  const seen = new Set(header === undefined ? [] : [header.toLowerCase()])
  for (const name of Object.keys(names)) {
    if (!isOwnHeader(name) || RESERVED_PARAM.test(name) || name === '__proto__')
      return `"params" cannot have a header ${JSON.stringify(name)}`
    if (seen.has(name.toLowerCase())) return `"params" has the header ${JSON.stringify(name)} that there is already`
    seen.add(name.toLowerCase())
  }
  return null
}

/** Those that are no secret, with their values. */
export function shownParams(
  names: ParamNames = {},
  record: Pick<ConnectionRecord, 'params'> | null
): Readonly<Record<string, string>> {
  const known = Object.entries(record?.params ?? {}).filter(([name]) => names[name] === 'clear')
  return Object.freeze(Object.fromEntries(known))
}
