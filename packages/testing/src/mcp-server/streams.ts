/** Streams on which a fake MCP server tells that its tools have changed. */
import type { ServerResponse } from 'node:http'
import type { Answer } from '../loopback/server.ts'
import { type RpcRequest, serverSentEvent } from './json-rpc.ts'

const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId'

/** The open streams of one server. */
export class Streams {
  readonly #open = new Map<ServerResponse, { subscriptionId: string | number | null }>()

  get size(): number {
    return this.#open.size
  }

  /** The GET stream of revisions until 2025-11-25. */
  get(): Answer {
    return this.#stream(null)
  }

  /** `subscriptions/listen` of 2026-07-28: acknowledged first, then open. */
  listen({ id = '', params }: RpcRequest): Answer {
    const honored = (params?.['notifications'] ?? {}) as Record<string, unknown>
    return this.#stream(id, {
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { _meta: { [SUBSCRIPTION_ID]: id }, notifications: honored }
    })
  }

  tell(method: string): void {
    for (const [response, { subscriptionId }] of this.#open) {
      const params = subscriptionId === null ? {} : { _meta: { [SUBSCRIPTION_ID]: subscriptionId } }
      response.write(serverSentEvent({ jsonrpc: '2.0', method, params }))
    }
  }

  #stream(subscriptionId: string | number | null, first?: Record<string, unknown>): Answer {
    return {
      status: 200,
      headers: HEADERS,
      stream: response => {
        this.#open.set(response, { subscriptionId })
        response.on('close', () => this.#open.delete(response))
        response.flushHeaders()
        if (first) response.write(serverSentEvent(first))
      }
    }
  }
}

/** The answer to a request as a stream that ends after it. */
export function streamedAnswer(messages: readonly Record<string, unknown>[]): Answer {
  return { status: 200, headers: HEADERS, body: messages.map(serverSentEvent).join('') }
}
