/**
 * Fake servers for tests of clients: an authorization server and an MCP server on 127.0.0.1 that behave, misbehave and fail as
 * a test tells them.
 *
 * ```ts
 * import { createFakeAuthorizationServer, createFakeMcpServer, fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
 * ```
 */
export {
  type AuthorizationServerBehaviour,
  type AuthorizationServerEndpoint,
  type AuthorizationServerEvent,
  type AuthorizationServerOptions,
  createFakeAuthorizationServer,
  type FakeAuthorizationServer,
  type FakeClient,
  type FakeCode,
  type FakeGrant,
  type FakeToken,
  type MetadataPlace
} from './authorization-server/authorization-server.ts'
export { defaultBehaviour } from './authorization-server/behaviour.ts'
export type { AuthorizationServerRecords } from './authorization-server/records.ts'
export { type Fault, type FaultOrChoice, fault } from './loopback/fault.ts'
export {
  type Answer,
  type Endpoint,
  jsonAnswer,
  type LoggedRequest,
  type LoopbackServer,
  listenOnLoopback,
  type ReceivedRequest
} from './loopback/server.ts'
export { defaultMcpServerBehaviour } from './mcp-server/behaviour.ts'
export {
  createFakeMcpServer,
  DEFAULT_TOOLS,
  type FakeMcpServer,
  type FakeTool,
  type McpServerBehaviour,
  type McpServerOptions,
  type RecordedCall,
  type ResourceMetadataPlace,
  type Visitor
} from './mcp-server/mcp-server.ts'
export { type Seed, type SeedableConnections, seedConnection } from './seed-connection.ts'
export { type Walk, walkAuthorization } from './walk-authorization.ts'
