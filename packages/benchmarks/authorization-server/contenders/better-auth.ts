/**
 * better-auth with its OAuth provider plugin, mounted on Fastify as its documentation shows it, everything in its memory adapter.
 *
 * Accounts and sessions are its own: each person gets one at first sight. A flow has two requests once the consent is remembered; the
 * consent page here says yes by itself. Refresh tokens come with the scope `offline_access` only, which is asked for besides. Access
 * tokens of both resources are JWTs. Rate limits are off.
 */
import { oauthProvider } from '@better-auth/oauth-provider'
import { digest } from '@fastify-mcp-auth/core'
import { type BetterAuthPlugin, betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { jwt, type TestHelpers, testUtils } from 'better-auth/plugins'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { RunningServer } from '../../contender.ts'
import { listen } from '../../listen.ts'
import { type Issuing, type IssuingContender, issuerOf } from '../issuing.ts'

export const contender: IssuingContender = {
  does: 'flow of 2 requests, consent remembered; accounts, sessions, consents, digests, rotation',
  leavesOut: 'asking; opaque access tokens; indexes (its memory adapter looks through lists); rate limits (off)',
  start: startBetterAuth
}

type Auth = ReturnType<typeof createAuth>

async function startBetterAuth(issuing: Issuing): Promise<RunningServer> {
  const auth = createAuth(issuing)
  const headersOf = createSessions(auth)
  const app = fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.get('/.well-known/oauth-authorization-server', async (request, reply) =>
    answer(reply, await auth.handler(webRequest(issuing, request)))
  )
  // The app's own page, which leads back with the parameters that it was called with.
  app.get('/consent', async (request, reply) => {
    const [, oauth_query = ''] = request.url.split('?')
    const headers = await headersOf(request)
    headers.set('content-type', 'application/json')
    headers.set('origin', issuerOf(issuing))
    const body = JSON.stringify({ accept: true, oauth_query })
    const consent = new Request(`${issuerOf(issuing)}/auth/oauth2/consent`, { method: 'POST', headers, body })
    const decided = await auth.handler(consent)
    const { url } = (await decided.json()) as { url?: string }
    if (url === undefined) throw new Error(`consent: ${decided.status}`)
    return reply.redirect(url)
  })
  app.all('/auth/*', async (request, reply) => {
    const asked = request.url.startsWith('/auth/oauth2/authorize?')
    const headers = asked ? await headersOf(request) : readHeaders(request)
    return answer(reply, await auth.handler(webRequest(issuing, request, headers)))
  })
  return listen(app, issuing.port)
}

function createAuth(issuing: Issuing) {
  const { resource, opaqueResource, scope } = issuing
  return betterAuth({
    baseURL: issuerOf(issuing),
    basePath: '/auth',
    secret: 'a secret of thirty-two characters or more for benchmarks',
    database: memoryAdapter(createTables(issuing)),
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
    disabledPaths: ['/token'],
    plugins: [
      jwt({ jwks: { keyPairConfig: { alg: 'ES256' } }, jwt: { issuer: issuerOf(issuing) } }),
      // Types of plugins do not fit those of their host under exactOptionalPropertyTypes.
      oauthProvider({
        loginPage: '/login',
        consentPage: '/consent',
        scopes: [...scope.split(' '), 'offline_access'],
        resources: [resource, opaqueResource],
        allowDynamicClientRegistration: true,
        allowUnauthenticatedClientRegistration: true,
        silenceWarnings: { oauthAuthServerConfig: true }
      }) as unknown as BetterAuthPlugin,
      testUtils() as unknown as BetterAuthPlugin
    ]
  })
}

function createTables({ clientId, redirectUri, introspector, scope, resource, opaqueResource }: Issuing) {
  const scopes = [...scope.split(' '), 'offline_access']
  const common = { scopes, disabled: false, createdAt: new Date(), updatedAt: new Date() }
  const names = ['user', 'session', 'account', 'verification', 'jwks', 'rateLimit', 'oauthClient', 'oauthRefreshToken']
  const more = ['oauthAccessToken', 'oauthConsent', 'oauthResource', 'oauthClientResource', 'oauthClientAssertion']
  const tables: Record<string, unknown[]> = Object.fromEntries([...names, ...more].map(name => [name, []]))
  tables['oauthClient']?.push(
    {
      ...common,
      id: clientId,
      clientId,
      name: 'Benchmark',
      redirectUris: [redirectUri],
      tokenEndpointAuthMethod: 'none',
      grantTypes: ['authorization_code', 'refresh_token'],
      responseTypes: ['code'],
      public: true
    },
    {
      ...common,
      id: introspector.id,
      clientId: introspector.id,
      clientSecret: digest(introspector.secret),
      name: 'Resource server',
      redirectUris: [redirectUri],
      tokenEndpointAuthMethod: 'client_secret_basic',
      grantTypes: ['client_credentials'],
      responseTypes: []
    }
  )
  for (const id of [clientId, introspector.id])
    for (const identifier of [resource, opaqueResource])
      tables['oauthClientResource']?.push({ id: `${id} ${identifier}`, clientId: id, resourceId: identifier })
  return tables
}

/** Who is signed in is what `x-user` says: an account and a session for each, made once, and its cookie from then on. */
function createSessions(auth: Auth): (request: FastifyRequest) => Promise<Headers> {
  const known = new Map<string, Promise<Headers>>()
  async function signUp(name: string): Promise<Headers> {
    const { test } = (await auth.$context) as unknown as { test: TestHelpers }
    const user = await test.saveUser(test.createUser({ name, email: `${name}@example.com` }))
    return test.getAuthHeaders({ userId: user.id })
  }
  return async request => {
    const name = String(request.headers['x-user'])
    const session = known.get(name) ?? signUp(name)
    known.set(name, session)
    const headers = readHeaders(request)
    headers.set('cookie', (await session).get('cookie') ?? '')
    return headers
  }
}

function readHeaders({ headers }: FastifyRequest): Headers {
  const given = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && name !== 'content-length' ? [[name, value]] : []
  )
  return new Headers(given)
}

function webRequest(issuing: Issuing, request: FastifyRequest, headers = readHeaders(request)): Request {
  const url = request.url.startsWith('/auth/oauth2/authorize?')
    ? request.url.replace(/([?&]scope=[^&]*)/, '$1+offline_access')
    : request.url
  const body = typeof request.body === 'string' ? { body: request.body } : {}
  return new Request(`${issuerOf(issuing)}${url}`, { method: request.method, headers, ...body })
}

async function answer(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  reply.status(response.status)
  for (const [name, value] of response.headers) if (name !== 'set-cookie') reply.header(name, value)
  return reply.send(await response.text())
}
