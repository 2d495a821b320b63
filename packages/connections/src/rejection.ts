/** What it means that the server refused a request, and what is left to try. */
import { changeConnection } from './connection-record.ts'
import { actionUrlOf, type Context, type Target } from './context.ts'
import type { McpConnectionError } from './errors.ts'
import { connectionError, type Usable } from './token.ts'

/** An answer, and what was sent with the request. */
export interface Refused {
  readonly usable: Usable | null
  readonly response: Response
}

/**
 * 401: a key is marked as refused, which no retry would change.
 *
 * @returns what to try once more with
 * @throws McpConnectionError `MCP_CREDENTIAL_REJECTED`
 */
export async function onUnauthorized(context: Context, target: Target, { usable }: Refused): Promise<Usable> {
  throw await reject(context, target, usable)
}

/** 401 again, with a new token. @returns the error to throw */
export async function onSecondRejection(context: Context, target: Target, usable: Usable): Promise<McpConnectionError> {
  return reject(context, target, usable)
}

/** 403. @throws McpConnectionError `MCP_NEEDS_SCOPE` when that is what the server says */
export async function onForbidden(_context: Context, _target: Target, _refused: Refused): Promise<void> {}

async function reject(context: Context, target: Target, usable: Usable | null): Promise<McpConnectionError> {
  const { place } = target
  if (usable && (await changeConnection(context, place, usable.record, { state: 'rejected', reason: 'unauthorized' })))
    context.events.emit('credential.rejected', place, { kind: usable.record.kind })
  return connectionError(context, target, 'MCP_CREDENTIAL_REJECTED', 'the server did not accept the key', {
    reason: usable ? 'unauthorized' : 'credential_wanted',
    actionUrl: actionUrlOf(context, place)
  })
}
