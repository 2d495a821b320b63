/**
 * @node-oauth/oauth2-server behind Fastify. The library checks the client, the code and PKCE; the model is the app's, here maps in
 * memory and a synchronous signature. A flow has two requests. Leaves out sessions, consent, grants, digests, registration, resource
 * indicators; its metadata is a constant.
 */
import OAuth2Server from '@node-oauth/oauth2-server'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { listen } from '../../listen.ts'
import { createAccessTokens, LIFETIME } from '../access-tokens.ts'
import { type Issuing, type IssuingContender, issuerOf } from '../issuing.ts'
import { createModel } from '../node-oauth-model.ts'

export const contender: IssuingContender = {
  does: 'flow of 2 requests; the library checks, the app keeps codes and tokens in maps',
  leavesOut: 'sessions, consent, grants, digests, registration, resource, computed metadata',
  start(issuing) {
    const tokens = createAccessTokens(issuing)
    const oauth = new OAuth2Server({
      model: createModel(issuing, tokens),
      accessTokenLifetime: LIFETIME,
      requireClientAuthentication: { authorization_code: false, refresh_token: false },
      authenticateHandler: { handle: (request: OAuth2Server.Request) => ({ id: request.get('x-user') }) }
    })
    const app = fastify()
    app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
      done(null, Object.fromEntries(new URLSearchParams(String(body))))
    )
    app.get('/authorize', (request, reply) => relay(request, reply, oauth.authorize.bind(oauth)))
    app.post('/token', (request, reply) => relay(request, reply, oauth.token.bind(oauth)))
    app.get('/.well-known/jwks.json', async () => tokens.keySet)
    const metadata = metadataOf(issuing)
    app.get('/.well-known/oauth-authorization-server', async () => metadata)
    return listen(app, issuing.port)
  }
}

type Action = (request: OAuth2Server.Request, response: OAuth2Server.Response) => Promise<unknown>

async function relay(request: FastifyRequest, reply: FastifyReply, action: Action): Promise<FastifyReply> {
  const { headers, method, query, body } = request
  const response = new OAuth2Server.Response({ headers: {} })
  // Its status and body are set on the response, for a refusal as well.
  await action(
    new OAuth2Server.Request({
      headers: headers as Record<string, string>,
      method,
      query: query as Record<string, string>,
      body
    }),
    response
  ).catch(() => undefined)
  return reply
    .code(response.status ?? 500)
    .headers(response.headers ?? {})
    .send(response.body)
}

function metadataOf(issuing: Issuing): Record<string, unknown> {
  const issuer = issuerOf(issuing)
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256']
  }
}
