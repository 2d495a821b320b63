/** What every endpoint of a fake authorization server is handed. */
import type { Clock } from '@fastify-mcp-auth/core'
import type { TestKey } from '../issuer-keys.ts'
import { type Answer, jsonAnswer } from '../loopback/server.ts'
import type { AuthorizationServerBehaviour } from './behaviour.ts'
import type { AuthorizationServerRecords } from './records.ts'

export interface AuthorizationServerContext {
  readonly issuer: string
  readonly behaviour: AuthorizationServerBehaviour
  readonly records: AuthorizationServerRecords
  readonly clock: Clock
  readonly key: TestKey
  /** Issuers whose assertions are taken, with where their keys are. */
  readonly trusted: Map<string, { readonly jwksUri: string }>
  /** A metadata document or a key set of a client. */
  readonly fetchJson: (url: string) => Promise<Record<string, unknown>>
}

/** An error that becomes a JSON answer. @see RFC 6749 section 5.2 */
export class RefusedRequest extends Error {
  readonly error: string
  readonly status: number
  readonly headers: { readonly [name: string]: string }

  constructor(error: string, description: string, status = 400, headers: { readonly [name: string]: string } = {}) {
    super(description)
    this.error = error
    this.status = status
    this.headers = headers
  }
}

export function refusal(context: AuthorizationServerContext, reason: unknown, clientId: string | null): Answer {
  if (!(reason instanceof RefusedRequest)) throw reason
  context.records.note('request.refused', context.clock.now(), { clientId }, reason.error)
  return jsonAnswer(reason.status, { error: reason.error, error_description: reason.message }, reason.headers)
}

/** @throws RefusedRequest when the policy about `resource` is not kept */
export function checkResource({ behaviour }: AuthorizationServerContext, resource: string | null): void {
  if (behaviour.resource === 'required' && resource === null)
    throw new RefusedRequest('invalid_target', 'resource is required')
  if (resource === null) return
  if (behaviour.resource === 'refused') throw new RefusedRequest('invalid_target', 'resource is not supported')
  if (behaviour.resource === 'refused-as-entra')
    throw new RefusedRequest('invalid_request', 'AADSTS901002: The resource request parameter is not supported.')
}

export function scopesOf(text: string | null): string[] {
  return (text ?? '').split(' ').filter(scope => scope !== '')
}
