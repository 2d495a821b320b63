/** Messages of JSON-RPC 2.0, as far as the fake MCP server reads and writes them. */

export interface RpcRequest {
  readonly jsonrpc: '2.0'
  /** Missing in a notification. */
  readonly id?: string | number
  readonly method: string
  readonly params?: { readonly [name: string]: unknown }
}

export function rpcResult(id: string | number | undefined, result: Record<string, unknown>): Record<string, unknown> {
  return { jsonrpc: '2.0', id, result }
}

export function rpcError(
  id: string | number | undefined,
  error: { code: number; message: string; data?: unknown }
): Record<string, unknown> {
  return { jsonrpc: '2.0', id: id ?? null, error }
}

/** One message or several; null when the text is not JSON. */
export function readMessages(text: string): RpcRequest[] | null {
  try {
    return [JSON.parse(text) as RpcRequest | RpcRequest[]].flat()
  } catch {
    return null
  }
}

/** One event of a stream. */
export function serverSentEvent(message: Record<string, unknown>): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`
}
