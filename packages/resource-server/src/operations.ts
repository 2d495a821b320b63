/**
 * Scopes by JSON-RPC operation: the option `operations`, compiled once and asked for every message of a body.
 *
 * @see MCP authorization, scope challenge handling
 */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import { NAME_PARAMETERS, type Operation } from './json-rpc-message.ts'
import { assertScopesKnown, type Options } from './options.ts'

/** Methods of MCP that clients call, of all revisions. A key that matches none of them is a misspelling. */
const METHODS: readonly string[] = [
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'subscriptions/listen',
  'completion/complete',
  'logging/setLevel',
  'tasks/list',
  'tasks/get',
  'tasks/result',
  'tasks/update',
  'tasks/cancel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status'
]

interface Rule {
  readonly matchesMethod: (method: string) => boolean
  /** Null: whatever it acts on. */
  readonly matchesName: ((name: string) => boolean) | null
  readonly scopes: readonly string[]
}

/** Compiled rules; empty when the option is. */
export type OperationRules = readonly Rule[]

/** @throws ConfigurationError for a key that can never match, or a scope that is not declared */
export function compileOperations(options: Pick<Options, 'operations' | 'scopes'>): OperationRules {
  return Object.entries(options.operations).map(([key, scopes]) => {
    assertScopesKnown(options, `operations.${key}`, scopes)
    const colon = key.indexOf(':')
    const method = colon === -1 ? key : key.slice(0, colon)
    const name = colon === -1 ? null : key.slice(colon + 1)
    const matchesMethod = pattern(method, key)
    if (!METHODS.some(matchesMethod)) throw misspelt(key, 'matches no method of MCP')
    if (name === null) return { matchesMethod, matchesName: null, scopes }
    if (name === '' || !NAME_PARAMETERS.has(method)) throw misspelt(key, `gives a name, which ${method} does not take`)
    return { matchesMethod, matchesName: pattern(name, key), scopes }
  })
}

/**
 * The scopes of everything that the operations match, without duplicates: one challenge can then name them all.
 * Operations that nothing matches need no scope.
 */
export function scopesOfOperations(rules: OperationRules, operations: readonly Operation[]): string[] {
  const scopes = new Set<string>()
  for (const { method, name } of operations) {
    const spellings = name === null ? [] : spellingsOf(method, name)
    for (const rule of rules) {
      if (!rule.matchesMethod(method)) continue
      if (rule.matchesName && !spellings.some(rule.matchesName)) continue
      for (const scope of rule.scopes) scopes.add(scope)
    }
  }
  return [...scopes]
}

/**
 * A tool has one name. A URI has many spellings, and servers normalise it before they look the resource up: a rule counts when any
 * spelling matches, because more scopes is the safe side.
 */
function spellingsOf(method: string, name: string): string[] {
  if (NAME_PARAMETERS.get(method) !== 'uri') return [name]
  const normal = URL.parse(name)?.href ?? name
  return [...new Set([name, normal, decoded(name), decoded(normal), URL.parse(decoded(name))?.href ?? name])]
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri)
  } catch {
    return uri
  }
}

function pattern(text: string, key: string): (value: string) => boolean {
  const star = text.indexOf('*')
  if (star === -1) return value => value === text
  if (star !== text.length - 1) throw misspelt(key, 'has a * that is not at the end of the method or the name')
  const start = text.slice(0, -1)
  return value => value.startsWith(start)
}

function misspelt(key: string, why: string): ConfigurationError {
  return new ConfigurationError(
    'FST_OAUTH_OPTION',
    `resource-server: option "operations": ${JSON.stringify(key)} ${why}`
  )
}
