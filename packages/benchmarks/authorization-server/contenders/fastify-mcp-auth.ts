/**
 * Ours: the authorization server on the memory storage. A person is asked for every flow, so a flow has four requests: authorize, page,
 * decision, token. Frozen interactions bound to a browser, grant records, digests, rotation with a grace in which a retry gets the same
 * answer (encrypted), events. Rate limits are off, for everybody else's are.
 */
import authorizationServer from '@fastify-mcp-auth/authorization-server'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { listen } from '../../listen.ts'
import { type ConsentForm, type IssuingContender, issuerOf } from '../issuing.ts'

export const contender: IssuingContender = {
  does: 'flow of 4 requests with consent asked each time; interactions, grants, digests, rotation with grace, events',
  leavesOut: 'rate limits (off)',
  async start(issuing) {
    const { clientId, redirectUri, resource, scope, port } = issuing
    const app = fastify()
    await app.register(authorizationServer, {
      issuer: issuerOf(issuing),
      storage: memoryStorage(),
      rateLimit: false,
      users: {
        current: request => ({ user: userOf(request), authTime: 1_700_000_000 }),
        loginUrl: () => '/login',
        subject: String,
        find: subject => subject,
        displayName: String
      },
      resources: {
        [resource]: { name: 'Notes', scopes: Object.fromEntries(scope.split(' ').map(name => [name, `Use ${name}`])) }
      },
      clients: [{ client_id: clientId, client_name: 'Benchmark', redirect_uris: [redirectUri] }]
    })
    serveConsent(app)
    return listen(app, port)
  }
}

function userOf(request: FastifyRequest): string {
  return String(request.headers['x-user'])
}

function serveConsent(app: FastifyInstance): void {
  const { interactions, prefix } = app.authorizationServer
  app.get<{ Params: { handle: string } }>(`${prefix}/interaction/:handle`, async (request): Promise<ConsentForm> => {
    const asked = await interactions.details(request, request.params.handle)
    if (asked.status !== 'consent') throw new Error('somebody is always signed in here, and asked')
    const ticked = asked.scopes.map(({ scope }): [string, string] => ['scope', scope])
    return { action: asked.decisionUrl, fields: [['decision', 'allow'], ['account', asked.account.proof], ...ticked] }
  })
}
