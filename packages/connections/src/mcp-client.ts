/** Clients of the official SDK, each for one owner and one server. The SDK is handed a `fetch` and never sees a credential. */
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { authorizedFetch } from './authorized-fetch.ts'
import { readConnection } from './connection-record.ts'
import type { Context, Target } from './context.ts'
import { asMcpConnectionError, McpConnectionError } from './errors.ts'
import { targetToUse, whileServing } from './fallback.ts'
import { currentToken } from './refresh.ts'
import { seenTools } from './seen-tools.ts'
import { renewingSessions } from './session-renewal.ts'
import { assertScopes, connectionError } from './token.ts'
import { isToolAllowed, scopesOfTool } from './tool-filter.ts'
import { approvedOnly, isStillApproved } from './tool-sync.ts'
import type { OwnedClient, OwnedFetch, Owner, UseOptions } from './types.ts'

/** @throws McpConnectionError for everything that a person or the operator has to mend, as itself, not wrapped */
export async function connectedClient(
  context: Context,
  owner: Owner | null,
  server: string,
  use: UseOptions = {}
): Promise<OwnedClient> {
  const serving = await targetToUse(context, owner, server, use)
  const { target, standsInFor } = serving
  const fetch = whileServing(context, serving, authorizedFetch(context, target, use))
  const client = withRules(context, target, await plainClient(context, target, use, fetch))
  return standsInFor ? withFilter(context, standsInFor, client) : client
}

/** Sees and may call every tool of the server: not for owners. */
export async function plainClient(
  context: Context,
  target: Target,
  use: UseOptions,
  fetch: OwnedFetch = authorizedFetch(context, target, use)
): Promise<OwnedClient> {
  const client = new Client(
    { name: context.options.client.name, version: context.options.client.softwareVersion ?? '0.0.0' },
    { versionNegotiation: { mode: 'auto' } }
  )
  const prior = target.definition.transport === 'sse' ? undefined : context.eras.recall(target)
  // Connecting sends nothing then, and whether there is something to connect with has to be known all the same.
  if (prior?.kind === 'modern') await currentToken(context, target, use)
  const transport = transportTo(context, target, fetch)
  try {
    await client.connect(transport, { ...(use.signal ? { signal: use.signal } : {}), ...(prior ? { prior } : {}) })
  } catch (error) {
    await client.close().catch(() => undefined)
    throw strangeAnswer(error, target, use)
  }
  if (!prior) context.eras.learn(target, client)
  const close = async (): Promise<void> => {
    // The server may keep a session for us until we say that it is over; that it does not understand is no concern of the caller.
    if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession().catch(() => undefined)
    await client.close()
  }
  return Object.assign(client, { [Symbol.asyncDispose]: close })
}

/**
 * What the SDK makes of a server that does not come to an end, or does not speak MCP, as an error of ours: one server that goes wrong must
 * not look like a fault of the program. That the caller has given up is told as it is.
 */
export function strangeAnswer(error: unknown, { server, place }: Target, { signal }: UseOptions): unknown {
  const known = asMcpConnectionError(error)
  if (known || signal?.aborted) return known ?? error
  return new McpConnectionError('MCP_SERVER_UNAVAILABLE', 'the server does not answer as an MCP server does', {
    server: server.id,
    connection: place.id,
    reason: 'protocol',
    cause: error
  })
}

function transportTo(
  context: Context,
  target: Target,
  fetch: OwnedFetch
): StreamableHTTPClientTransport | SSEClientTransport {
  const { definition } = target
  const url = new URL(definition.url)
  if (definition.transport === 'sse') return new SSEClientTransport(url, { fetch })
  const renewing = renewingSessions(fetch)
  const watched: OwnedFetch = async (...args) => {
    const response = await renewing(...args)
    // It may speak otherwise by now.
    if (!response.ok) context.eras.forget(target)
    return response
  }
  return new StreamableHTTPClientTransport(url, { fetch: watched, onInsufficientScope: 'throw' })
}

/** The same client, for tools that the owner may use and has the scopes for. */
function withRules(context: Context, target: Target, client: OwnedClient): OwnedClient {
  const listTools = client.listTools.bind(client)
  const callTool = client.callTool.bind(client)
  const filterNow = async () => (await readConnection(context, target.place))?.toolFilter ?? null
  const isReviewed = target.definition.tools?.approveChanges === true
  let approved: ReadonlySet<string> | null = null
  client.listTools = async (...args) => {
    const filter = await filterNow()
    const listed = await unwrapped(listTools(...args))
    const usable = await approvedOnly(context, target, seenTools(client, listed))
    if (isReviewed)
      approved = new Set([...(args[0]?.cursor ? (approved ?? []) : []), ...usable.map(({ name }) => name)])
    return { ...listed, tools: usable.filter(({ name }) => isToolAllowed(name, target.definition, filter)) }
  }
  const guardedCall = async (...args: Parameters<typeof callTool>): ReturnType<typeof callTool> => {
    const { name } = args[0]
    const record = await readConnection(context, target.place)
    if (!isToolAllowed(name, target.definition, record?.toolFilter ?? null))
      throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'the tool is not allowed for this owner', {
        reason: 'tool_filter'
      })
    if (isReviewed && !approved) await client.listTools()
    if (isReviewed && !(approved?.has(name) && (await isStillApproved(context, target, name))))
      throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'the tool is another one than was approved', {
        reason: 'tool_changed'
      })
    if (record) await assertScopes(context, target, record, scopesOfTool(name, target.definition))
    return unwrapped(callTool(...args))
  }
  client.callTool = guardedCall as typeof client.callTool
  return client
}

/** The same client, for the tools only that the entry lets through which the caller named. */
function withFilter(context: Context, target: Target, client: OwnedClient): OwnedClient {
  const { definition } = target
  const listTools = client.listTools.bind(client)
  const callTool = client.callTool.bind(client)
  client.listTools = async (...args) => {
    const listed = await listTools(...args)
    return { ...listed, tools: listed.tools.filter(({ name }) => isToolAllowed(name, definition, null)) }
  }
  const filteredCall = async (...args: Parameters<typeof callTool>): ReturnType<typeof callTool> => {
    if (isToolAllowed(args[0].name, definition, null)) return callTool(...args)
    throw connectionError(context, target, 'MCP_NOT_ALLOWED', 'the tool is not allowed for this owner', {
      reason: 'tool_filter'
    })
  }
  client.callTool = filteredCall as typeof client.callTool
  return client
}

async function unwrapped<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw asMcpConnectionError(error) ?? error
  }
}

/** Runs with a client and closes it, whatever happens. */
export async function withConnectedClient<T>(
  context: Context,
  owner: Owner | null,
  server: string,
  run: (client: Client) => Promise<T>,
  use: UseOptions = {}
): Promise<T> {
  const client = await connectedClient(context, owner, server, use)
  try {
    return await run(client)
  } catch (error) {
    throw asMcpConnectionError(error) ?? error
  } finally {
    await Promise.resolve(client[Symbol.asyncDispose]()).catch(() => undefined)
  }
}

/** Whether a person can mend it: what `tryClientFor` turns into null. */
export function isForThePerson(error: unknown): boolean {
  return (
    error instanceof McpConnectionError && (error.code === 'MCP_NOT_CONNECTED' || error.code === 'MCP_NEEDS_REAUTH')
  )
}
