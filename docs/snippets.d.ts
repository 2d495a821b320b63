/** What the examples in the documentation may use without declaring it: the reader's own app, and what an earlier block has imported. */
import type {
  AuthorizationServerOptions,
  Organization,
  UserAdapter as ReadersUserAdapter
} from '@fastify-mcp-auth/authorization-server'
import type { Connections, ConnectionsOptions, McpConnectionsOptions, Owner } from '@fastify-mcp-auth/connections'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import type { ApiKey, McpAuthEvent, ResourceServerOptions, Verifier } from '@fastify-mcp-auth/resource-server'
import type { OAuthServerProvider } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

interface ReadersAccount {
  readonly id: string
  readonly email: string
}

declare global {
  const app: FastifyInstance
  function buildApp(): Promise<FastifyInstance>
  function handler(request: FastifyRequest, reply: FastifyReply): Promise<unknown>
  const yourHandler: typeof handler

  const authorizationUrl: string
  const issuer: string
  const resource: string
  const storage: StorageDriver
  const encryptionKeys: string[]
  const users: UserAdapter<Account>
  const resources: AuthorizationServerOptions['resources']
  const verify: Verifier

  type Account = ReadersAccount
  type UserAdapter<User> = ReadersUserAdapter<User>
  const publicJwk: Record<string, string>
  const kms: { signRaw(key: string, data: Uint8Array, options: { signal: AbortSignal }): Promise<Uint8Array> }
  const digestOfItsSecret: string
  const crm: { tokenFor(account: string): Promise<string> }
  const Redis: new (url?: string) => never
  const chatGptRanges: string[]
  function resourcesOf(tenant: string): AuthorizationServerOptions['resources']
  const sessions: {
    of(request: FastifyRequest): Promise<{ accountId: string; signedInAt: number } | null>
    end(request: FastifyRequest, reply: FastifyReply): Promise<void>
  }
  const accounts: {
    byId(id: string): Promise<Account | null>
    byEmployee(iss: string, sub: string): Promise<Account | null>
  }
  const agents: { mayUse(account: string, agent: string): Promise<boolean> }
  const connectionsOptions: ConnectionsOptions
  const connections: Connections
  /** A table of another system. */
  const rows: {
    userId: string
    accessToken: string
    refreshToken: string
    expiresAt: Date
    scope: string
    clientId: string
    clientSecret: string
  }[]
  function tell(userId: string, url: string): Promise<void>
  function resume(userId: string): unknown
  const binding: string
  const clientId: string
  const clientSecret: string
  const keyOfTheAgent: string
  const query: URLSearchParams
  const owner: Owner
  const teams: { of(account: string): Promise<Organization[]> }
  function may(account: Account, scope: string, organization: string | null): boolean
  function isBlocked(address: string): boolean
  const OAuthError: typeof import('@fastify-mcp-auth/core').OAuthError
  const provider: OAuthServerProvider
  const userId: string
  const grantId: string
  function audit(...facts: unknown[]): void

  const db: { apiKeys: { findByDigest(digest: string): Promise<ApiKey | null> } }
  const revokedGrants: Set<unknown>
  const trail: { write(event: McpAuthEvent): void }
  function alarm(...facts: unknown[]): void
  const yourPool: import('@fastify-mcp-auth/storage-sql').PgPool
  const yourKysely: import('@fastify-mcp-auth/storage-sql').KyselyInstance
  function myStorage(): Promise<StorageDriver>

  /** Part of the options of one of the plugins. */
  type SomeOptions =
    | Partial<ResourceServerOptions>
    | (Partial<Omit<AuthorizationServerOptions, 'users'>> & { users?: Partial<UserAdapter<Account>> })
    | Partial<AuthorizationServerOptions['resources'][string]>
    | Partial<McpConnectionsOptions>

  const authorizationServer: typeof import('@fastify-mcp-auth/authorization-server').default
  const consent: typeof import('@fastify-mcp-auth/consent').default
  const resourceServer: typeof import('@fastify-mcp-auth/resource-server').default
  const { redisStorage }: typeof import('@fastify-mcp-auth/storage-redis')
  const { sqlStorage }: typeof import('@fastify-mcp-auth/storage-sql')
  const {
    apiKeys,
    chain,
    hmac,
    introspection,
    jwt,
    local,
    opaque,
    withAuth
  }: typeof import('@fastify-mcp-auth/resource-server')
}
