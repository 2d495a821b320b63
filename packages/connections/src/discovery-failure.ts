/** How a look at a server ends badly: with every step of it. */
import { isFetchRefusedError } from '@fastify-mcp-auth/core'
import type { ServerTarget } from './context.ts'
import { McpConnectionError, type McpConnectionErrorCode } from './errors.ts'
import type { StepLog } from './step-log.ts'

/** @param cause null for what is wrong by itself; an error of ours stays what it is */
export type DiscoveryFailure = (
  cause: unknown,
  code: McpConnectionErrorCode,
  message: string,
  reason?: string
) => McpConnectionError

export function discoveryFailure({ server }: ServerTarget, log: StepLog): DiscoveryFailure {
  return (cause, code, message, reason) => {
    if (cause instanceof McpConnectionError) return cause
    const about = { server: server.id, steps: log.steps, cause: cause ?? undefined }
    return isFetchRefusedError(cause)
      ? new McpConnectionError('MCP_URL_BLOCKED', 'a URL leads where this app must not go', {
          ...about,
          reason: cause.reason
        })
      : new McpConnectionError(code, message, { ...about, reason })
  }
}
