/** A protected endpoint that counts how often it was reached. */
import type { LightMyRequestResponse } from 'fastify'
import type { RouteAuth } from '../src/index.ts'
import { createApp } from './app.ts'

export interface Caller {
  /** With null nobody calls. */
  call(scopes: string[] | null, payload: unknown, headers?: object): Promise<LightMyRequestResponse>
  calls(): number
}

export async function createCaller(
  t: Parameters<typeof createApp>[0],
  options: object,
  auth?: RouteAuth
): Promise<Caller> {
  let calls = 0
  const test = await createApp(t, {
    options,
    routes: app =>
      void app.route({
        method: ['GET', 'POST', 'DELETE'],
        url: '/mcp',
        config: { mcpAuth: auth ?? {} },
        handler: async request => ({ calls: ++calls, subject: request.auth?.subject ?? null })
      })
  })
  return {
    calls: () => calls,
    call: async (scopes, payload, headers = {}) =>
      test.app.inject({
        method: 'POST',
        url: '/mcp',
        headers: { ...(scopes ? await test.bearer({ scopes }) : {}), 'content-type': 'application/json', ...headers },
        payload: JSON.stringify(payload)
      })
  }
}

export const request = (method: string, params?: object): object => ({ jsonrpc: '2.0', id: 1, method, params })
