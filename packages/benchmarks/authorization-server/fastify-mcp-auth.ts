/** Ours, for the two contenders that differ in whether consent is remembered. */
import authorizationServer from '@fastify-mcp-auth/authorization-server'
import { digest, type StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { RunningServer } from '../contender.ts'
import { listen } from '../listen.ts'
import { type ConsentForm, type Issuing, issuerOf } from './issuing.ts'

/** With everything as it is by default, but for the rate limits: they are off, for everybody else's are. */
export async function startFastifyMcpAuth(
  issuing: Issuing,
  consent: 'remembered' | 'asked',
  storage: StorageDriver = memoryStorage(),
  addRoutes: (app: FastifyInstance) => void = () => {}
): Promise<RunningServer> {
  const { clientId, redirectUri, resource, opaqueResource, introspector, scope, port } = issuing
  const scopes = Object.fromEntries(scope.split(' ').map(name => [name, `Use ${name}`]))
  const app = fastify()
  await app.register(authorizationServer, {
    issuer: issuerOf(issuing),
    storage,
    ...(storage.capabilities.durable ? { encryptionKeys: [KEY] } : {}),
    rateLimit: false,
    rememberedConsent: consent === 'remembered' ? 'known-clients' : 'never',
    users: {
      current: request => ({ user: userOf(request), authTime: 1_700_000_000 }),
      loginUrl: () => '/login',
      subject: String,
      find: subject => subject,
      displayName: String
    },
    resources: {
      [resource]: { name: 'Notes', scopes },
      [opaqueResource]: { name: 'Other notes', scopes, accessToken: { format: 'opaque' } }
    },
    clients: [
      { client_id: clientId, client_name: 'Benchmark', redirect_uris: [redirectUri] },
      {
        client_id: introspector.id,
        client_name: 'Resource server',
        client_secret_digest: digest(introspector.secret),
        redirect_uris: [],
        introspects: [resource, opaqueResource]
      }
    ]
  })
  serveConsent(app)
  addRoutes(app)
  return listen(app, port)
}

const KEY = Buffer.from('a key of 32 bytes for benchmarks').toString('base64')

function userOf(request: FastifyRequest): string {
  return String(request.headers['x-user'])
}

function serveConsent(app: FastifyInstance): void {
  const { interactions, prefix } = app.authorizationServer
  app.get<{ Params: { handle: string } }>(`${prefix}/interaction/:handle`, async (request): Promise<ConsentForm> => {
    const asked = await interactions.details(request, request.params.handle)
    if (asked.status !== 'consent') throw new Error('somebody is signed in here, and has to be asked')
    const ticked = asked.scopes.map(({ scope }): [string, string] => ['scope', scope])
    return { action: asked.decisionUrl, fields: [['decision', 'allow'], ['account', asked.account.proof], ...ticked] }
  })
}
