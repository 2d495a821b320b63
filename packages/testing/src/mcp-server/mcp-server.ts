/**
 * A fake MCP server for tests of MCP clients: real HTTP on 127.0.0.1, with sessions and without, answering JSON or streams of
 * events, protected as you like, every endpoint able to fail, every call on record.
 *
 * It offers tools only. `whoami` says whose token came, which is what tests about mixed-up owners ask. For tests only.
 */
import { type Clock, randomSecret, systemClock } from '@fastify-mcp-auth/core'
import type { FakeAuthorizationServer } from '../authorization-server/authorization-server.ts'
import {
  type Answer,
  jsonAnswer,
  type LoopbackServer,
  listenOnLoopback,
  type ReceivedRequest
} from '../loopback/server.ts'
import { defaultMcpServerBehaviour, type FakeTool, type McpServerBehaviour, type Visitor } from './behaviour.ts'
import { type RpcRequest, readMessages, rpcError } from './json-rpc.ts'
import { answerMethod, neededScopes, type RecordedCall, revisionOf, STATELESS_REVISION } from './methods.ts'
import { admit, insufficientScope, metadataUrl, type ProtectionContext, resourceMetadata } from './protection.ts'
import { Streams, streamedAnswer } from './streams.ts'

export type { FakeTool, McpServerBehaviour, ResourceMetadataPlace, Visitor } from './behaviour.ts'
export type { RecordedCall } from './methods.ts'

/** A running fake MCP server. Its endpoints are called `mcp` and `metadata`. */
export interface FakeMcpServer extends LoopbackServer {
  /** URL of the MCP endpoint, which is also the identifier of the resource. */
  readonly resource: string
  /** Change its members at any time. */
  readonly behaviour: McpServerBehaviour
  /** The calls that were let through, in order. */
  readonly calls: readonly RecordedCall[]
  /** Sessions that are open. */
  readonly sessions: ReadonlySet<string>
  /** Streams that are open for notifications. */
  openStreams(): number
  /** Other tools from now on; open streams are told. */
  setTools(tools: readonly FakeTool[]): void
  /** Forgets all sessions: requests that name one get 404. */
  dropSessions(): void
}

/** Where a fake MCP server starts. */
export interface McpServerOptions {
  behaviour?: Partial<McpServerBehaviour>
  /** The server whose tokens it takes; it also becomes its authorization server. */
  authorizationServer?: FakeAuthorizationServer
  /** Judges tokens in place of `authorizationServer`. */
  verify?: (token: string) => Visitor | null | Promise<Visitor | null>
  tools?: readonly FakeTool[]
  /** Path of the endpoint; `/mcp` by default. */
  path?: string
  clock?: Clock
}

/** `whoami` answers with the subject of the token, `echo` with its `text`. */
export const DEFAULT_TOOLS: readonly FakeTool[] = [
  { name: 'whoami', description: 'Who is asking', call: (_input, { subject }) => subject },
  {
    name: 'echo',
    description: 'Says it again',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    call: ({ text }) => String(text)
  }
]

/** Starts one. The caller closes it. */
export async function createFakeMcpServer(options: McpServerOptions = {}): Promise<FakeMcpServer> {
  const { authorizationServer, path = '/mcp', clock = systemClock } = options
  const issuers = authorizationServer ? [authorizationServer.issuer] : []
  const behaviour = { ...defaultMcpServerBehaviour, authorizationServers: issuers, ...options.behaviour }
  const state = new McpServerState(behaviour, options.tools ?? DEFAULT_TOOLS)
  let protection: ProtectionContext
  const server = await listenOnLoopback(request => {
    if (request.path === path) return { name: 'mcp', handle: received => state.handle(protection, received) }
    const place = (['path', 'root', 'elsewhere'] as const).find(
      name => new URL(metadataUrl(protection.resource, name)).pathname === request.path
    )
    return place && { name: 'metadata', handle: () => metadataAnswer(protection, place) }
  })
  const resource = `${server.url}${path}`
  const verify = options.verify ?? ((token: string) => visitorOf(authorizationServer, { token, resource, behaviour }))
  protection = { resource, behaviour, clock, verify, proofIds: new Set() }
  return Object.assign(server, {
    resource,
    behaviour,
    calls: state.calls,
    sessions: state.sessions,
    openStreams: () => state.streams.size,
    setTools: (tools: readonly FakeTool[]) => state.setTools(tools),
    dropSessions: () => state.sessions.clear()
  })
}

function visitorOf(
  server: FakeAuthorizationServer | undefined,
  { token, resource, behaviour }: { token: string; resource: string; behaviour: McpServerBehaviour }
): Visitor | null {
  const found = server?.verify(token)
  if (!found) return null
  const { subject, resource: audience, dpopJkt } = found.grant
  if (behaviour.checksAudience && audience !== null && audience !== resource) return null
  return { subject, scopes: found.scopes, token, dpopJkt }
}

function metadataAnswer(protection: ProtectionContext, place: 'path' | 'root' | 'elsewhere'): Answer {
  const { authentication, metadataAt } = protection.behaviour
  if (authentication !== 'oauth' || !metadataAt.includes(place)) return { status: 404, body: 'not found' }
  return jsonAnswer(200, resourceMetadata(protection))
}

class McpServerState {
  readonly calls: RecordedCall[] = []
  readonly sessions = new Set<string>()
  readonly streams = new Streams()
  readonly #behaviour: McpServerBehaviour
  #tools: readonly FakeTool[]

  constructor(behaviour: McpServerBehaviour, tools: readonly FakeTool[]) {
    this.#behaviour = behaviour
    this.#tools = tools
  }

  setTools(tools: readonly FakeTool[]): void {
    this.#tools = tools
    this.streams.tell('notifications/tools/list_changed')
  }

  async handle(protection: ProtectionContext, request: ReceivedRequest): Promise<Answer> {
    const messages = request.method === 'POST' ? readMessages(request.body) : []
    if (messages === null) return jsonAnswer(400, rpcError(undefined, { code: -32700, message: 'not JSON' }))
    const admitted = await admit(
      protection,
      request,
      messages.map(({ method }) => method)
    )
    if ('status' in admitted) return admitted
    const needed = messages.flatMap(message => neededScopes(this.#context, message))
    if (needed.some(scope => !admitted.scopes.includes(scope))) return insufficientScope(protection, needed)
    return this.#answer(request, messages, admitted)
  }

  get #context() {
    return { behaviour: this.#behaviour, tools: this.#tools, calls: this.calls }
  }

  async #answer(request: ReceivedRequest, messages: readonly RpcRequest[], visitor: Visitor): Promise<Answer> {
    const problem = this.#formProblem(request, messages)
    if (problem) return problem
    if (request.method === 'GET') return this.streams.get()
    if (request.method === 'DELETE') {
      this.sessions.delete(request.headers['mcp-session-id'] ?? '')
      return { status: 204 }
    }
    const [first] = messages
    if (first?.method === 'subscriptions/listen') return this.streams.listen(first)
    const responses = await Promise.all(messages.map(message => answerMethod(this.#context, message, visitor)))
    const answers = responses.filter(response => response !== null)
    if (answers.length === 0) return { status: 202 }
    const answer =
      this.#behaviour.answers === 'sse'
        ? streamedAnswer(answers)
        : jsonAnswer(200, answers.length > 1 ? answers : answers[0])
    return { ...answer, headers: { ...answer.headers, ...this.#newSession(messages) } }
  }

  /** What is wrong with method, media types or session. @see MCP 2025-11-25, transports, "Session Management" */
  #formProblem(request: ReceivedRequest, messages: readonly RpcRequest[]): Answer | null {
    if (!['GET', 'POST', 'DELETE'].includes(request.method)) return { status: 405 }
    const accept = request.headers['accept'] ?? ''
    const wanted = request.method === 'POST' ? ['application/json', 'text/event-stream'] : ['text/event-stream']
    if (request.method !== 'DELETE' && !wanted.every(type => accept.includes(type)))
      return jsonAnswer(406, rpcError(undefined, { code: -32000, message: 'Not Acceptable' }))
    const [first] = messages
    const isStateless = messages.length > 0 && messages.every(message => revisionOf(message) === STATELESS_REVISION)
    if (isStateless) return this.#statelessProblem(first)
    if (!this.#behaviour.sessions || first?.method === 'initialize') return null
    const session = request.headers['mcp-session-id']
    if (session === undefined)
      return jsonAnswer(400, rpcError(undefined, { code: -32000, message: 'Mcp-Session-Id is missing' }))
    return this.sessions.has(session)
      ? null
      : jsonAnswer(404, rpcError(undefined, { code: -32001, message: 'Session not found' }))
  }

  #statelessProblem(first: RpcRequest | undefined): Answer | null {
    const { revisions } = this.#behaviour
    if (revisions.includes(STATELESS_REVISION)) return null
    const data = { supported: revisions, requested: STATELESS_REVISION }
    return jsonAnswer(400, rpcError(first?.id, { code: -32022, message: 'Unsupported protocol version', data }))
  }

  #newSession(messages: readonly RpcRequest[]): Record<string, string> {
    if (!this.#behaviour.sessions || messages[0]?.method !== 'initialize') return {}
    const session = randomSecret(12)
    this.sessions.add(session)
    return { 'mcp-session-id': session }
  }
}
