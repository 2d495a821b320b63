/** An authorization server, an MCP server behind it, and the app between them and its people. */

import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { type SettableClock, settableClock } from '@fastify-mcp-auth/testing'
import {
  createFakeAuthorizationServer,
  createFakeMcpServer,
  type FakeAuthorizationServer,
  type FakeMcpServer,
  walkAuthorization
} from '@fastify-mcp-auth/testing/servers'
import type { Test } from 'tap'
import { openConnections } from '../src/connections.ts'
import type { ConnectionEvent, Connections, ConnectionsOptions, Owner } from '../src/index.ts'

export const alice: Owner = { type: 'user', id: 'alice' }
export const bob: Owner = { type: 'user', id: 'bob' }
export const BINDING = 'the-cookie-of-this-browser'

type AuthorizationOptions = NonNullable<Parameters<typeof createFakeAuthorizationServer>[0]>
type McpOptions = NonNullable<Parameters<typeof createFakeMcpServer>[0]>

export interface World {
  readonly clock: SettableClock
  readonly issuer: FakeAuthorizationServer
  readonly server: FakeMcpServer
  readonly connections: Connections
  readonly events: ConnectionEvent[]
  readonly options: ConnectionsOptions
  /** Another process on the same storage. */
  another(changes?: Partial<ConnectionsOptions>): Promise<Connections>
  /** Starts, walks and completes as one person in one browser. */
  connect(owner?: Owner, account?: string): ReturnType<World['connections']['complete']>
  whoami(owner?: Owner): Promise<unknown>
}

export async function createWorld(
  t: Test,
  options: {
    readonly issuer?: AuthorizationOptions
    readonly server?: McpOptions
    readonly definition?: Partial<NonNullable<ConnectionsOptions['servers']>[string]>
    readonly app?: Partial<ConnectionsOptions>
  } = {}
): Promise<World> {
  const clock = settableClock()
  const issuer = await createFakeAuthorizationServer({ clock, ...options.issuer })
  const server = await createFakeMcpServer({ clock, authorizationServer: issuer, ...options.server })
  const events: ConnectionEvent[] = []
  const appOptions: ConnectionsOptions = {
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test' },
    network: { allowLoopback: true },
    storage: memoryStorage(),
    encryptionKeys: [Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64')],
    limits: false,
    clock,
    onEvent: event => events.push(event),
    ...options.app,
    // Tests count requests: what comes by itself is asked for by those that are about it.
    servers: {
      notes: { url: server.resource, tools: { syncOnConnect: false }, ...options.definition },
      ...options.app?.servers
    }
  }
  // Goes on by itself, and together with the clock: whatever it is set to, and however wrong those of other processes are.
  const elapsed = (): number => clock.now() + performance.now() / 1000
  const connections = await openConnections(appOptions, { elapsed })
  const others: { close(): Promise<void> }[] = [connections, issuer, server]
  t.teardown(() => Promise.all(others.map(other => other.close())))
  const world: World = {
    clock,
    issuer,
    server,
    connections,
    events,
    options: appOptions,
    async another(changes = {}) {
      const other = await openConnections({ ...appOptions, ...changes }, { elapsed })
      others.push(other)
      return other
    },
    async connect(owner = alice, account) {
      const { url } = await connections.start(owner, 'notes', { binding: BINDING, account })
      const params = await walkAuthorization(url, { username: owner.id })
      return connections.complete({ params, binding: BINDING, owner })
    },
    async whoami(owner = alice) {
      return connections.withClient(owner, 'notes', async client => {
        const { content } = await client.callTool({ name: 'whoami' })
        const [first] = content as { text: string }[]
        return first?.text
      })
    }
  }
  return world
}
