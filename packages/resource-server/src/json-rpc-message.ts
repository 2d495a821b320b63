/**
 * What a parsed JSON-RPC body asks for. Strict where authorization depends on it: a body that cannot be understood is refused, since
 * the handler behind might understand it.
 *
 * @see JSON-RPC 2.0 sections 4 and 6, MCP Streamable HTTP
 */
import type { IncomingHttpHeaders } from 'node:http'
import { RefusedRequestError, RPC_CODES } from './errors.ts'

/** Largest batch that is looked at, and most resources that a body may subscribe to, in one message or in all of them. */
export const MAX_BATCH = 100

/** Which parameter names the thing that a method acts on. */
export const NAME_PARAMETERS: ReadonlyMap<string, 'name' | 'uri'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['resources/subscribe', 'uri'],
  ['resources/unsubscribe', 'uri']
])

/** One call of a body. */
export interface Operation {
  readonly method: string
  /** Name of the tool or prompt, URI of the resource; null for methods that act on nothing in particular. */
  readonly name: string | null
  /** What it reaches besides: the prompt or resource that a completion is about, the resources that are listened to. */
  readonly reaches: readonly { readonly method: string; readonly name: string }[]
}

/**
 * @returns every request and notification of the body, in order; answers to the server's own requests ask for nothing
 * @throws RefusedRequestError 400 for anything that is not JSON-RPC, is nested, or has more than 100 messages or reaches more than
 *   100 things besides
 */
export function readOperations(body: unknown): Operation[] {
  if (!Array.isArray(body)) return readMessage(body)
  if (body.length === 0) throw invalid('the batch is empty')
  if (body.length > MAX_BATCH) throw invalid(`the batch has more than ${MAX_BATCH} messages`)
  const operations = body.flatMap(readMessage)
  const reached = operations.reduce((sum, { reaches }) => sum + reaches.length, 0)
  if (reached > MAX_BATCH) throw invalid(`the batch reaches more than ${MAX_BATCH} things`)
  return operations
}

function readMessage(message: unknown): Operation[] {
  if (!isObject(message)) throw invalid('the body is not a JSON-RPC message')
  const { method } = message
  if (method === undefined && ('result' in message || 'error' in message)) return []
  if (typeof method !== 'string' || method === '') throw invalid('the message has no method')
  const { params } = message
  return [{ method, name: readName(method, params), reaches: readReach(method, params) }]
}

function readName(method: string, params: unknown): string | null {
  const parameter = NAME_PARAMETERS.get(method)
  if (!parameter) return null
  return readText(method, isObject(params) ? params[parameter] : undefined, parameter)
}

function readReach(method: string, params: unknown): Operation['reaches'] {
  if (method === 'completion/complete') {
    const ref = isObject(params) && isObject(params.ref) ? params.ref : {}
    if (ref.type === 'ref/prompt') return [{ method: 'prompts/get', name: readText(method, ref.name, 'ref.name') }]
    if (ref.type === 'ref/resource') return [{ method: 'resources/read', name: readText(method, ref.uri, 'ref.uri') }]
    throw withoutName(method, 'ref')
  }
  if (method !== 'subscriptions/listen') return []
  const filter = isObject(params) && isObject(params.notifications) ? params.notifications : {}
  const { resourceSubscriptions: uris = [] } = filter
  if (!Array.isArray(uris)) throw withoutName(method, 'notifications.resourceSubscriptions')
  if (uris.length > MAX_BATCH) throw invalid(`the message subscribes to more than ${MAX_BATCH} resources`)
  return uris.map(uri => ({ method: 'resources/subscribe', name: readText(method, uri, 'resourceSubscriptions') }))
}

function readText(method: string, value: unknown, parameter: string): string {
  if (typeof value !== 'string' || value === '') throw withoutName(method, parameter)
  return value
}

/**
 * Renames in place what a body acts on and reaches. The counterpart of {@link readOperations}, for a body that it has accepted.
 *
 * @param rename is given the method and the name, as in an operation; returns the name to use
 */
export function renameActs(body: unknown, rename: (method: string, name: string) => string): void {
  for (const message of [body].flat()) {
    if (!isObject(message) || typeof message.method !== 'string' || !isObject(message.params)) continue
    const { method, params } = message
    const replace = (holder: Record<string, unknown>, key: string, as: string): void => {
      const name = holder[key]
      if (typeof name === 'string') holder[key] = rename(as, name)
    }
    const parameter = NAME_PARAMETERS.get(method)
    if (parameter) replace(params, parameter, method)
    if (method === 'completion/complete' && isObject(params.ref)) {
      if (params.ref.type === 'ref/prompt') replace(params.ref, 'name', 'prompts/get')
      else replace(params.ref, 'uri', 'resources/read')
    }
    const filter = method === 'subscriptions/listen' && isObject(params.notifications) ? params.notifications : {}
    const { resourceSubscriptions: uris } = filter
    if (Array.isArray(uris)) filter.resourceSubscriptions = uris.map(uri => rename('resources/subscribe', String(uri)))
  }
}

function withoutName(method: string, parameter: string): RefusedRequestError {
  return new RefusedRequestError(400, `${method} needs the parameter ${parameter}`, {
    rpcCode: RPC_CODES.invalidParams,
    reason: 'operation_without_name'
  })
}

/**
 * The headers that repeat method and name are for gateways. Whatever they say, the body decides; but a gateway that believed them must
 * not have been lied to.
 *
 * @throws RefusedRequestError 400
 */
export function assertHeadersMirror(headers: IncomingHttpHeaders, operations: readonly Operation[]): void {
  const method = headers['mcp-method']
  const name = headers['mcp-name']
  const mirrors = (operation: Operation): boolean =>
    (method === undefined || method === operation.method) &&
    (name === undefined || operation.name === null || decodeHeader(name) === operation.name)
  // Answers have no method: with them alone there is nothing that the header could be the mirror of.
  if ((method === undefined || operations.length > 0) && operations.every(mirrors)) return
  throw new RefusedRequestError(400, 'Mcp-Method or Mcp-Name differs from the body', {
    rpcCode: RPC_CODES.headerMismatch,
    reason: 'header_mismatch'
  })
}

// Names that a header cannot carry come as base64 between these marks.
function decodeHeader(value: string | string[]): string {
  const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(String(value))?.[1]
  return encoded === undefined ? String(value) : Buffer.from(encoded, 'base64').toString('utf8')
}

/** Whether a value is an object as a parser of JSON makes it. A stream or a buffer is a body that nobody parsed. */
export function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function invalid(message: string): RefusedRequestError {
  return new RefusedRequestError(400, message, { rpcCode: RPC_CODES.invalidRequest, reason: 'not_json_rpc' })
}
