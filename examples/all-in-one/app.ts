/** The whole app: sign-in, authorization server, consent, and an MCP server that they protect. */

import cookie from '@fastify/cookie'
import authorizationServer, {
  type AuthorizationServerOptions,
  type UserAdapter
} from '@fastify-mcp-auth/authorization-server'
import consent, { type ConsentOptions } from '@fastify-mcp-auth/consent'
import { type Clock, isHttpLoopback, type StorageDriver, systemClock } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import resourceServer, { local } from '@fastify-mcp-auth/resource-server'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { type NodeIncomingMessageLike, toWebRequest } from '@modelcontextprotocol/node'
import type { McpHttpHandler } from '@modelcontextprotocol/server'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { Redis } from 'ioredis'
import { type Account, type Accounts, createAccounts } from './accounts.ts'
import type { Config } from './config.ts'
import { createFormTokens } from './form-token.ts'
import { home } from './home.ts'
import { login, loginUrl } from './login.ts'
import { createNotesMcp, listTools, OPERATIONS, SCOPES } from './mcp-server.ts'
import { openNotes } from './notes.ts'
import { createSessions, type Sessions } from './sessions.ts'

/** Where the MCP Inspector runs in a browser; let in only while everything happens on one computer. */
const INSPECTOR = ['http://localhost:6274', 'http://127.0.0.1:6274']

const HOUR = 3_600_000

/** Where people see what they have connected, and where a sign-out ends. */
const [CONNECTED_APPS, SIGNED_OUT] = ['/connected-apps', '/signed-out']

export interface AppOverrides {
  readonly logger?: FastifyServerOptions['logger']
  readonly clock?: Clock
  /** Of the plugins, for the examples that change one thing only. */
  readonly authorizationServer?: Partial<AuthorizationServerOptions>
  readonly consent?: ConsentOptions
}

export async function buildApp(config: Config, overrides: AppOverrides = {}): Promise<FastifyInstance> {
  const { logger = false, clock = systemClock } = overrides
  const { publicUrl } = config
  const resource = `${publicUrl}/mcp`
  const app = Fastify({
    logger,
    // Of ten processes that start together, nine wait for the tables of the first. Fastify's ten seconds are short for that on a small machine.
    pluginTimeout: 60_000,
    // Forwarding headers count only when they come from a proxy near by; anybody else could write what they like into them.
    trustProxy: config.behindProxy ? 'loopback, linklocal, uniquelocal' : false
  })
  const storage = openStorage(config)
  app.addHook('onClose', () => storage.close?.())
  const redis = openRedis(app, config)

  const accounts = createAccounts()
  const sessions = await createSessions(storage, clock, publicUrl.startsWith('https:'))
  const notes = await openNotes(storage, clock)
  const formTokens = createFormTokens(publicUrl)

  await app.register(cookie)
  await app.register(authorizationServer, {
    issuer: publicUrl,
    storage: redis ? { default: storage, shortLived: redis.storage } : storage,
    encryptionKeys: [config.encryptionKey],
    users: userAdapter(accounts, sessions),
    resources: { [resource]: { name: 'Acme Notes', scopes: SCOPES, defaultScopes: ['mcp:tools'] } },
    clients: demoClients(publicUrl),
    // Devices that show a code, for people to enter at /oauth/device.
    deviceAuthorization: {},
    // ID tokens, userinfo, and with `signOut` below a sign-out that clients can ask for.
    openid: { scopes: { profile: 'See your name' } },
    rateLimit: { register: 200, token: 500, ...(redis ? { redis: redis.client } : {}) },
    clock,
    ...overrides.authorizationServer
  })
  await app.register(consent, {
    brand: { name: 'Acme Notes' },
    connectedApps: CONNECTED_APPS,
    signedOut: SIGNED_OUT,
    tools: () => listTools(notes),
    ...overrides.consent
  })
  await app.register(resourceServer, {
    resource,
    verify: local(app.authorizationServer),
    operations: OPERATIONS,
    scopeHierarchy: { 'notes:admin': SCOPES['notes:admin'].implies },
    advertisedScopes: ['mcp:tools'],
    allowedOrigins: [publicUrl, ...(isHttpLoopback(publicUrl) ? INSPECTOR : [])]
  })
  await app.register(async pages => {
    leadToPublicUrl(pages, publicUrl)
    await pages.register(login, { accounts, sessions, formTokens, signedOut: SIGNED_OUT })
    await pages.register(home, { accounts, sessions, formTokens, resource, connectedApps: CONNECTED_APPS })
  })

  serveMcp(app, createNotesMcp({ notes, findAccount: accounts.find, onError: error => app.log.error(error) }))
  keepClean(app, () => Promise.all([app.authorizationServer.cleanup(), sessions.cleanup()]))
  return app
}

/** For trying things out. Others register themselves, or have a metadata document. */
function demoClients(publicUrl: string): AuthorizationServerOptions['clients'] & object {
  return [
    {
      client_id: 'demo-cli',
      client_name: 'Demo CLI',
      redirect_uris: ['http://127.0.0.1/callback'],
      post_logout_redirect_uris: [`${publicUrl}/`]
    },
    {
      client_id: 'demo-tv',
      client_name: 'Demo TV',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token']
    }
  ]
}

/** The endpoint speaks both generations of MCP over plain requests; sessions of older clients are not needed. */
function serveMcp(app: FastifyInstance, mcp: McpHttpHandler): void {
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    config: { mcpAuth: { scopes: ['mcp:tools'] } },
    async handler(request) {
      // The SDK's type is narrower than Node's, where a method may be missing. The resource server put `auth` there.
      const raw = request.raw as NodeIncomingMessageLike
      const { body: parsedBody } = request
      return mcp.fetch(await toWebRequest(raw, parsedBody), { ...(raw.auth ? { authInfo: raw.auth } : {}), parsedBody })
    }
  })
  // Open streams would keep the server from closing.
  app.addHook('preClose', () => mcp.close())
}

function openStorage({ databaseUrl }: Config): StorageDriver {
  if (databaseUrl === 'memory:') return memoryStorage()
  return /^rediss?:/.test(databaseUrl) ? redisStorage({ url: databaseUrl }) : sqlStorage({ url: databaseUrl })
}

/** What lives for minutes, and the counts of requests, for all processes together. */
function openRedis(app: FastifyInstance, { redisUrl }: Config): { client: Redis; storage: StorageDriver } | null {
  if (redisUrl === null) return null
  const client = new Redis(redisUrl, { lazyConnect: true, maxRetriesPerRequest: 1 })
  client.on('error', error => app.log.warn({ error }, 'Redis'))
  const storage = redisStorage({ client })
  app.addHook('onClose', async () => {
    await storage.close()
    client.disconnect()
  })
  return { client, storage }
}

/**
 * `localhost` and `127.0.0.1` reach the same server, but each has its own cookies: whoever typed the other name is led to the public
 * one. Only on one computer and one port; everywhere else the host header says nothing that could be relied on.
 */
function leadToPublicUrl(pages: FastifyInstance, publicUrl: string): void {
  const { hostname, port } = new URL(publicUrl)
  pages.addHook('onRequest', async (request, reply) => {
    const asked = URL.parse(`http://${request.headers.host}`)
    const isOtherName = asked !== null && asked.port === port && asked.hostname !== hostname
    if (request.method === 'GET' && isOtherName && isHttpLoopback(asked.href) && isHttpLoopback(publicUrl))
      return reply.redirect(`${publicUrl}${request.url}`, 302)
  })
}

/** Every process may do this: what is expired is removed once, by whoever comes first. */
function keepClean(app: FastifyInstance, cleanup: () => Promise<unknown>): void {
  const timer = setInterval(() => cleanup().catch((error: unknown) => app.log.error(error)), HOUR)
  timer.unref()
  app.addHook('onClose', async () => clearInterval(timer))
}

/** All that the authorization server has to know about the app's users. */
function userAdapter(accounts: Accounts, sessions: Sessions): UserAdapter<Account> {
  return {
    async current(request) {
      const session = await sessions.current(request)
      const user = session ? await accounts.find(session.accountId) : null
      return session && user ? { user, authTime: session.authTime } : null
    },
    loginUrl,
    subject: account => account.id,
    find: subject => accounts.find(subject),
    claims: account => ({ name: account.displayName }),
    signOut: (request, reply) => sessions.end(request, reply),
    displayName: account => account.displayName
  }
}
