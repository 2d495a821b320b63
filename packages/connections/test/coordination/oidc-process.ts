/** `oidc-provider` with rotation, in a process whose time is that of the test. Its person is whoever the login form says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WorkerModule } from '@fastify-mcp-auth/testing/workers'
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider'

const SCOPES = 'notes offline_access'

export const open: WorkerModule['open'] = async ({ clock, settings }) => {
  const { issuer, resource, lifetime } = settings as { issuer: string; resource: string; lifetime: number }
  Date.now = () => clock.now() * 1000
  const provider = new Provider(issuer, {
    adapter: Records,
    cookies: { keys: ['a-key-for-signing-cookies'] },
    scopes: ['openid', 'offline_access', 'notes'],
    clientAuthMethods: ['none'],
    clientDefaults: { token_endpoint_auth_method: 'none' },
    responseTypes: ['code'],
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: 'notes', accessTokenTTL: lifetime, accessTokenFormat: 'opaque' })
      }
    },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: {
      Grant: 90 * 86_400,
      Interaction: 900,
      Session: 90 * 86_400,
      RefreshToken: 90 * 86_400,
      AccessToken: lifetime
    }
  })
  provider.proxy = true
  let reuses = 0
  provider.on('grant.error', (_context, error) => {
    if (/already used/.test(error.error_detail ?? '')) reuses++
  })
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/interaction/')) void decide(provider, request, response, resource)
    else void provider.callback()(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    jobs: {
      port: () => (server.address() as AddressInfo).port,
      reuses: () => reuses,
      verify: async (token: string) => {
        const found = await provider.AccessToken.find(token)
        if (!found || found.isExpired) return null
        return { subject: found.accountId, scopes: [...found.scopes], token }
      }
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}

/** The login form signs anybody in and says yes for them. */
async function decide(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  resource: string
): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(
      '<form method="post"><input type="text" name="username"><input type="password" name="password"><button>Go</button></form>'
    )
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const accountId = new URLSearchParams(Buffer.concat(chunks).toString()).get('username') ?? ''
  const { params } = await provider.interactionDetails(request, response)
  const grant = new provider.Grant({ accountId, clientId: String(params['client_id']) })
  grant.addOIDCScope(`openid ${SCOPES}`)
  grant.addResourceScope(resource, SCOPES)
  const result = { login: { accountId }, consent: { grantId: await grant.save() } }
  await provider.interactionFinished(request, response, result)
}

/** Records in memory that never forget by a clock of their own. */
class Records implements Adapter {
  static readonly all = new Map<string, AdapterPayload>()
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  async upsert(id: string, payload: AdapterPayload): Promise<void> {
    Records.all.set(`${this.#name}:${id}`, payload)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return Records.all.get(`${this.#name}:${id}`)
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#search(payload => payload.uid === uid)
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#search(payload => payload.userCode === userCode)
  }

  async consume(id: string): Promise<void> {
    const payload = Records.all.get(`${this.#name}:${id}`)
    if (payload) payload['consumed'] = Math.floor(Date.now() / 1000)
  }

  async destroy(id: string): Promise<void> {
    Records.all.delete(`${this.#name}:${id}`)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, payload] of Records.all) if (payload.grantId === grantId) Records.all.delete(key)
  }

  #search(matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    for (const [key, payload] of Records.all) if (key.startsWith(`${this.#name}:`) && matches(payload)) return payload
    return undefined
  }
}
