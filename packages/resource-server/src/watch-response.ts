/** What is done to the answer of a request, decided by what the body asked for. */
import type { FastifyRequest } from 'fastify'
import type { Verdict } from './authorize-body.ts'
import { acceptsEvents } from './challenge-reply.ts'
import type { ResourceServer, Visit } from './context.ts'
import { isObject } from './json-rpc-message.ts'
import { type Tap, tapResponse } from './raw-response.ts'
import { watchHead } from './response-head.ts'
import type { SessionBinding } from './session-binding.ts'
import { askForPlainAnswer, concealActs, filterLists, isListMethod, revealNames } from './visibility.ts'

/**
 * To be called before the handler: it may change the body that the handler is going to read.
 *
 * @param verdict null for a route whose bodies are not looked at
 */
export function watchResponse(server: ResourceServer, visit: Visit, verdict: Verdict | null): void {
  if (visit.isWatched) return
  visit.isWatched = true
  const { reply } = visit
  const { request } = reply
  const isGet = request.method === 'GET'
  // Rules for operations or none: what a caller wants to hear of is in the body.
  if (server.options.endStreams && (isGet || mayCall(request, 'subscriptions/listen')))
    visit.onEventStream = server.endWithToken
  watchHead(visit)
  const rewrite = verdict ? rewriterOf(server, request, verdict) : undefined
  const onHead = server.sessions ? sessionKeeper(server, server.sessions, request) : undefined
  if (rewrite && (!isGet || acceptsEvents(request))) askForPlainAnswer(request)
  if (rewrite || onHead) tapResponse(reply.raw, { rewrite, onHead, onlyStreams: isGet })
}

/** What becomes of the session of a response: a new one gets its owner before anybody hears of it, an ended one is forgotten. */
function sessionKeeper(server: ResourceServer, sessions: SessionBinding, request: FastifyRequest): Tap['onHead'] {
  const known = request.headers['mcp-session-id']
  if (request.method === 'DELETE' && typeof known === 'string')
    return response => (response.statusCode < 300 ? sessions.release(known) : undefined)
  if (!mayCall(request, 'initialize')) return undefined
  return response => {
    const id = response.getHeader('mcp-session-id')
    if (response.statusCode >= 300 || typeof id !== 'string') return undefined
    // Servers repeat the session of a call in its answer, and whose that is was looked at before.
    if (id === known && isUnread(request)) return undefined
    return sessions.bind(id, request.auth).then(() => server.events.tell(request, { type: 'session.bound' }))
  }
}

/**
 * Whether a JSON-RPC message, or one of a batch, is a call of the method. A body that nobody has parsed, as that of a proxy, may be one of
 * anything.
 */
function mayCall(request: FastifyRequest, method: string): boolean {
  const { body } = request
  if (isObject(body)) return body['method'] === method
  if (Array.isArray(body)) return body.some((message: unknown) => isObject(message) && message['method'] === method)
  return isUnread(request)
}

function isUnread({ method, body, headers, raw }: FastifyRequest): boolean {
  if (method !== 'POST' || isObject(body) || Array.isArray(body)) return false
  // Left to a handler that reads the raw request itself, unless there is nothing to read.
  if (body !== undefined && body !== null) return true
  const length = headers['content-length']
  return length === undefined ? raw.httpVersionMajor > 1 || 'transfer-encoding' in headers : length !== '0'
}

function rewriterOf(server: ResourceServer, request: FastifyRequest, verdict: Verdict): Tap['rewrite'] {
  if (server.options.lists === 'all') return undefined
  const { operations, isListed, hidden } = verdict
  const isStream = request.method === 'GET'
  if (!isStream && hidden.length === 0 && !operations.some(({ method }) => isListMethod(method))) return undefined
  const isHidden = (act: { method: string; name: string | null }): boolean =>
    hidden.some(({ method, name }) => method === act.method && name === act.name)
  const aliases = hidden.length > 0 ? concealActs(request, isHidden) : new Map<string, string>()
  if (hidden.length > 0) {
    const named = hidden.map(({ method, name }) => ({ method, name }))
    server.events.tell(request, { type: 'operation.hidden', operations: named })
  }
  return message => {
    const filtered = filterLists(message, isListed)
    return aliases.size > 0 ? revealNames(filtered, aliases) : filtered
  }
}
