/** Which tools of a server an owner may use. */
import type { ServerDefinition } from './options.ts'
import type { ConnectionRecord } from './records.ts'

/** Says no only by the filters of the server and of the owner; denial wins. */
export function isToolAllowed(
  name: string,
  { tools = {} }: Pick<ServerDefinition, 'tools'>,
  filter: ConnectionRecord['toolFilter']
): boolean {
  const { allow, deny = [] } = tools
  if (deny.some(pattern => matchesTool(pattern, name)) || filter?.deny.some(pattern => matchesTool(pattern, name)))
    return false
  const isNamed = (patterns: readonly string[] | null | undefined): boolean =>
    patterns?.some(pattern => matchesTool(pattern, name)) ?? true
  return isNamed(allow) && isNamed(filter?.allow)
}

/** `*` stands for any text; everything else for itself. */
export function matchesTool(pattern: string, name: string): boolean {
  const parts = pattern.split('*')
  const [first = '', ...rest] = parts
  if (rest.length === 0) return pattern === name
  const last = rest.pop() ?? ''
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false
  let position = first.length
  for (const part of rest) {
    const found = name.indexOf(part, position)
    if (found === -1 || found + part.length > name.length - last.length) return false
    position = found + part.length
  }
  return true
}

/** Scopes that the options say a tool needs. */
export function scopesOfTool(name: string, { oauth }: Pick<ServerDefinition, 'oauth'>): string[] {
  const rules = Object.entries(oauth?.toolScopes ?? {}).filter(([pattern]) => matchesTool(pattern, name))
  return [...new Set(rules.flatMap(([, scopes]) => scopes))]
}
