/**
 * What a caller gets to see: lists show what it may use or could ask for, and what they do not show is not there.
 *
 * @see MCP tools, prompts and resources; SEP-2549 (cacheScope)
 */
import { randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import { renameActs } from './json-rpc-message.ts'
import type { Act } from './operations.ts'
import { MAX_URI_LENGTH } from './uri-spellings.ts'

/** Methods that list something: the member of the result, what an item is called, and the method that uses it. */
const LISTS = [
  { method: 'tools/list', member: 'tools', name: 'name', use: 'tools/call' },
  { method: 'prompts/list', member: 'prompts', name: 'name', use: 'prompts/get' },
  { method: 'resources/list', member: 'resources', name: 'uri', use: 'resources/read' },
  { method: 'resources/templates/list', member: 'resourceTemplates', name: 'uriTemplate', use: 'resources/read' }
] as const

export function isListMethod(method: string): boolean {
  return LISTS.some(list => list.method === method)
}

/**
 * Goes by what a result has in it, not by what was asked: a stream that is resumed repeats answers to older questions.
 *
 * @param message a JSON-RPC message or a batch
 * @returns the same object when there was nothing to take out and nothing to mark
 */
export function filterLists(message: unknown, isListed: (act: Act) => boolean): unknown {
  if (Array.isArray(message)) {
    const filtered = message.map(member => filterLists(member, isListed))
    return filtered.every((member, index) => member === message[index]) ? message : filtered
  }
  if (!isRecord(message) || !isRecord(message['result'])) return message
  const { result } = message
  const lists = LISTS.filter(({ member }) => Array.isArray(result[member]))
  if (lists.length === 0) return message
  const filtered = lists.map(({ member, name, use }) => [
    member,
    (result[member] as unknown[]).filter(item => {
      const called = isRecord(item) ? item[name] : undefined
      // What is too long for any rule cannot be called either, and must not cost the caller the rest of the list.
      return typeof called === 'string' && called.length <= MAX_URI_LENGTH && isListed({ method: use, name: called })
    })
  ])
  // A list that was made for one caller must not be kept for another.
  const cache = 'cacheScope' in result || 'ttlMs' in result ? { cacheScope: 'private' } : {}
  return { ...message, result: { ...result, ...Object.fromEntries(filtered), ...cache } }
}

/** Names that stand in for hidden ones in one request, and the way back. */
export type Aliases = ReadonlyMap<string, string>

/**
 * Calls hidden things by names that nothing has, in the body and in the header that mirrors it: the server then answers what it answers
 * for anything that it does not have.
 */
export function concealActs(request: FastifyRequest, isHidden: (act: Act) => boolean): Aliases {
  const aliases = new Map<string, string>()
  renameActs(request.body, (method, name) => {
    if (!isHidden({ method, name })) return name
    // A resource is looked up by a URI, so the stand-in has to be one.
    const alias = method.startsWith('resources/') ? `unknown:${unusedName()}` : `unknown-${unusedName()}`
    aliases.set(alias, name)
    return alias
  })
  const [alias] = aliases.keys()
  if (alias !== undefined && 'mcp-name' in request.headers) replaceHeader(request, 'mcp-name', alias)
  return aliases
}

// Lower case, because a server may normalise a URI before it quotes it.
function unusedName(): string {
  return Buffer.from(randomSecret(16), 'base64url').toString('hex')
}

/** Gives hidden things their names back in whatever the server says about them. */
export function revealNames(value: unknown, aliases: Aliases): unknown {
  if (typeof value === 'string') {
    let text = value
    for (const [alias, name] of aliases) text = text.replaceAll(alias, () => name)
    return text
  }
  if (Array.isArray(value)) return value.map(member => revealNames(member, aliases))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, revealNames(member, aliases)]))
}

/** A compressed answer could not be read on its way. */
export function askForPlainAnswer(request: FastifyRequest): void {
  if ('accept-encoding' in request.headers) replaceHeader(request, 'accept-encoding', 'identity')
}

// Some adapters read one of the two, some the other.
function replaceHeader(request: FastifyRequest, name: string, value: string): void {
  const { headers, rawHeaders } = request.raw
  headers[name] = value
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.toLowerCase() === name) rawHeaders[index + 1] = value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
