/**
 * Scopes by JSON-RPC operation: the option `operations`, compiled once and asked for every message of a body.
 *
 * @see MCP authorization, scope challenge handling
 */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import { NAME_PARAMETERS, type Operation } from './json-rpc-message.ts'
import { assertScopesKnown, type Options } from './options.ts'
import { joinNeeds, type NeededScopes } from './require-scopes.ts'
import { foldedUri, uriSpellings } from './uri-spellings.ts'

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

/** A key of `operations` or a member of `anonymous`, compiled. */
export interface OperationPattern {
  readonly matchesMethod: (method: string) => boolean
  /** Null: whatever it acts on. */
  readonly matchesName: ((name: string) => boolean) | null
  /** Without regard to the case of schemes and hosts; the same where the name is no URI. */
  readonly matchesFolded: ((name: string) => boolean) | null
}

export interface OperationRule extends OperationPattern {
  readonly needs: NeededScopes
}

/** Compiled rules; empty when the option is. */
export type OperationRules = readonly OperationRule[]

/** @throws ConfigurationError for a key that can never match, or a scope that is not declared */
export function compileOperations(options: Pick<Options, 'operations' | 'scopes'>): OperationRules {
  return Object.entries(options.operations).map(([key, value]) => {
    const { scopes = [], anyOf } = Array.isArray(value) ? { scopes: value } : value
    assertScopesKnown(options, `operations.${key}`, [...scopes, ...(anyOf ?? [])])
    return { ...compilePattern('operations', key), needs: { scopes, anyOf: anyOf ? [anyOf] : [] } }
  })
}

/** @throws ConfigurationError for a member that can never match */
export function compileAnonymous({ anonymous }: Pick<Options, 'anonymous'>): readonly OperationPattern[] {
  const patterns = anonymous.map(key => compilePattern('anonymous', key))
  // Whoever may say hello may also say that he heard the answer.
  return patterns.some(({ matchesMethod }) => matchesMethod('initialize'))
    ? [...patterns, compilePattern('anonymous', 'notifications/initialized')]
    : patterns
}

function compilePattern(option: string, key: string): OperationPattern {
  const misspelt = (why: string): ConfigurationError =>
    new ConfigurationError('FST_OAUTH_OPTION', `resource-server: option "${option}": ${JSON.stringify(key)} ${why}`)
  const colon = key.indexOf(':')
  const method = colon === -1 ? key : key.slice(0, colon)
  const name = colon === -1 ? null : key.slice(colon + 1)
  if (/\*./.test(method)) throw misspelt('has a * that is not at the end of the method')
  const matchesMethod = matcher(method)
  if (!METHODS.some(matchesMethod)) throw misspelt('matches no method of MCP')
  if (name === null) return { matchesMethod, matchesName: null, matchesFolded: null }
  if (name === '' || !NAME_PARAMETERS.has(method)) throw misspelt(`gives a name, which ${method} does not take`)
  const matchesName = matcher(name)
  if (NAME_PARAMETERS.get(method) !== 'uri') return { matchesMethod, matchesName, matchesFolded: matchesName }
  const folded = matcher(foldedUri(name))
  return { matchesMethod, matchesName, matchesFolded: uri => matchesName(uri) || folded(uri) }
}

/** One method and what it acts on. */
export type Act = Pick<Operation, 'method' | 'name'>

/** A rule counts when any spelling of the name matches, because more scopes is the safe side. */
function isMatch(pattern: OperationPattern, act: Act): boolean {
  const { matchesFolded } = pattern
  if (!pattern.matchesMethod(act.method)) return false
  return matchesFolded === null || (act.name !== null && spellingsOf(act, act.name).some(matchesFolded))
}

/** An exception counts when it matches as it was sent, and in every spelling: `notes://public/../private` is not public. */
function isMatchHoweverRead(pattern: OperationPattern, act: Act): boolean {
  const { matchesName, matchesFolded } = pattern
  if (!pattern.matchesMethod(act.method)) return false
  if (matchesName === null || matchesFolded === null) return true
  return act.name !== null && matchesName(act.name) && spellingsOf(act, act.name).every(matchesFolded)
}

/** To follow a resource is to learn what becomes of it. */
const FOLLOWS: readonly string[] = ['resources/subscribe', 'resources/unsubscribe']

const READINGS = new WeakMap<Act, Act>()

/** As what an act is judged: whoever follows a resource has to be somebody who may read it, and the other way round nothing follows. */
function aspectsOf(act: Act): readonly Act[] {
  if (!FOLLOWS.includes(act.method)) return [act]
  let reading = READINGS.get(act)
  if (!reading) {
    reading = { method: 'resources/read', name: act.name }
    // One, because what is found out about it is kept by it.
    READINGS.set(act, reading)
  }
  return [act, reading]
}

/** The operations and everything that they reach. */
export function actsOf(operations: readonly Operation[]): Act[] {
  return operations.flatMap(operation => [operation, ...operation.reaches])
}

/**
 * Everything that the acts need, so that one challenge can name it all. Acts that nothing matches need no scope.
 */
export function needsOf(rules: OperationRules, acts: readonly Act[]): NeededScopes {
  const aspects = acts.flatMap(aspectsOf)
  return joinNeeds(...aspects.flatMap(act => rules.filter(rule => isMatch(rule, act)).map(({ needs }) => needs)))
}

/** Whether an act is refused because no rule is about it. */
export function isUnknown(rules: OperationRules, act: Act): boolean {
  return !isProtocol(act.method) && !aspectsOf(act).every(aspect => rules.some(rule => isMatch(rule, aspect)))
}

/** Whether the exceptions cover an act. */
export function isExcepted(exceptions: readonly OperationPattern[], act: Act): boolean {
  return aspectsOf(act).every(aspect => exceptions.some(pattern => isMatchHoweverRead(pattern, aspect)))
}

// Without these nobody can talk to a server at all, and they act on nothing.
function isProtocol(method: string): boolean {
  return (
    ['initialize', 'ping', 'server/discover'].includes(method) ||
    (method.startsWith('notifications/') && METHODS.includes(method))
  )
}

/** What was found out about an act is asked for again by every rule. */
const SPELLINGS = new WeakMap<Act, readonly string[]>()

// A tool has one name, a URI has many.
function spellingsOf(act: Act, name: string): readonly string[] {
  if (NAME_PARAMETERS.get(act.method) !== 'uri') return [name]
  let spellings = SPELLINGS.get(act)
  if (!spellings) {
    spellings = [...uriSpellings(name)]
    SPELLINGS.set(act, spellings)
  }
  return spellings
}

/** Any run of characters for each star. Looks at every character at most once per piece, whatever is matched. */
function matcher(text: string): (value: string) => boolean {
  const [start = '', ...pieces] = text.split('*')
  const end = pieces.pop()
  if (end === undefined) return value => value === text
  return value => {
    if (value.length < start.length + end.length || !value.startsWith(start) || !value.endsWith(end)) return false
    const middle = value.slice(start.length, value.length - end.length)
    let position = 0
    for (const piece of pieces) {
      const found = middle.indexOf(piece, position)
      if (found === -1) return false
      position = found + piece.length
    }
    return true
  }
}
