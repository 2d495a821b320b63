/** What a fake MCP server does for each method, in the revisions with a handshake and in the one without. */
import type { FakeTool, McpServerBehaviour, Visitor } from './behaviour.ts'
import { type RpcRequest, rpcError, rpcResult } from './json-rpc.ts'

/** The first revision without handshake and sessions. */
export const STATELESS_REVISION = '2026-07-28'

/** A call of a tool that was let through. */
export interface RecordedCall {
  readonly tool: string
  readonly input: { readonly [name: string]: unknown }
  readonly visitor: Visitor
}

/** What the methods need to know of their server. */
export interface MethodContext {
  readonly behaviour: McpServerBehaviour
  readonly tools: readonly FakeTool[]
  readonly calls: RecordedCall[]
}

/** @returns the response; null for a notification */
export async function answerMethod(
  context: MethodContext,
  request: RpcRequest,
  visitor: Visitor
): Promise<Record<string, unknown> | null> {
  const { id, method } = request
  if (id === undefined) return null
  const isStateless = revisionOf(request) === STATELESS_REVISION
  switch (method) {
    case 'initialize':
      return rpcResult(id, handshake(context, request))
    case 'ping':
      return rpcResult(id, {})
    case 'server/discover':
      return discover(context, request)
    case 'tools/list':
      return rpcResult(id, { ...listTools(context, request), ...(isStateless ? cacheable(context) : {}) })
    case 'tools/call':
      return callTool(context, request, { visitor, isStateless })
    default:
      return rpcError(id, { code: -32601, message: 'method not found' })
  }
}

/** The revision that a request without a handshake names in its envelope. */
export function revisionOf({ params }: RpcRequest): string | undefined {
  const meta = params?.['_meta'] as Record<string, unknown> | undefined
  const revision = meta?.['io.modelcontextprotocol/protocolVersion']
  return typeof revision === 'string' ? revision : undefined
}

/** The scopes that a request needs. */
export function neededScopes({ tools }: MethodContext, { method, params }: RpcRequest): readonly string[] {
  if (method !== 'tools/call') return []
  return tools.find(({ name }) => name === params?.['name'])?.requiredScopes ?? []
}

function handshake({ behaviour }: MethodContext, { params }: RpcRequest): Record<string, unknown> {
  const spoken = behaviour.revisions.filter(revision => revision !== STATELESS_REVISION)
  const wanted = params?.['protocolVersion']
  return {
    protocolVersion: spoken.find(revision => revision === wanted) ?? spoken.at(-1) ?? '2025-11-25',
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: 'fake-mcp-server', version: '1.0.0' }
  }
}

function discover(context: MethodContext, request: RpcRequest): Record<string, unknown> {
  const { revisions } = context.behaviour
  if (!revisions.includes(STATELESS_REVISION))
    return rpcError(request.id, { code: -32601, message: 'method not found' })
  return rpcResult(request.id, {
    ...cacheable(context),
    supportedVersions: [STATELESS_REVISION],
    capabilities: { tools: { listChanged: true } },
    _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'fake-mcp-server', version: '1.0.0' } }
  })
}

function cacheable({ behaviour }: MethodContext): Record<string, unknown> {
  return { resultType: 'complete', ttlMs: behaviour.toolListTtl, cacheScope: behaviour.toolListScope }
}

function listTools({ tools, behaviour }: MethodContext, { params }: RpcRequest): Record<string, unknown> {
  const start = Number(params?.['cursor'] ?? 0)
  const end = start + behaviour.pageSize
  return {
    tools: tools.slice(start, end).map(({ name, description, inputSchema = { type: 'object' } }) => ({
      name,
      ...(description === undefined ? {} : { description }),
      inputSchema
    })),
    ...(end < tools.length ? { nextCursor: String(end) } : {})
  }
}

async function callTool(
  { tools, calls }: MethodContext,
  { id, params }: RpcRequest,
  { visitor, isStateless }: { visitor: Visitor; isStateless: boolean }
): Promise<Record<string, unknown>> {
  const tool = tools.find(({ name }) => name === params?.['name'])
  if (!tool) return rpcError(id, { code: -32602, message: 'unknown tool' })
  const input = (params?.['arguments'] ?? {}) as Record<string, unknown>
  calls.push({ tool: tool.name, input, visitor })
  const text = await tool.call(input, visitor)
  return rpcResult(id, { content: [{ type: 'text', text }], ...(isStateless ? { resultType: 'complete' } : {}) })
}
