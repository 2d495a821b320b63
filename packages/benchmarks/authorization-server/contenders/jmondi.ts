/**
 * @jmondi/oauth2-server behind Fastify. The library checks clients, codes, PKCE and scopes; storage is the app's, here maps in memory.
 * Access tokens are ES256, codes and refresh tokens its own HS256 JWTs. A flow has two requests. Leaves out sessions, consent, grants,
 * registration, resource indicators; its metadata is a constant.
 */
import { AuthorizationServer, OAuthException } from '@jmondi/oauth2-server'
import { handleFastifyError, handleFastifyReply, requestFromFastify } from '@jmondi/oauth2-server/fastify'
import fastify from 'fastify'
import { listen } from '../../listen.ts'
import { type Issuing, type IssuingContender, issuerOf } from '../issuing.ts'
import { createRepositories, createTokens } from '../jmondi-repositories.ts'

export const contender: IssuingContender = {
  does: 'flow of 2 requests; the library checks, the app keeps codes and tokens in maps; codes and refresh tokens are HS256 JWTs',
  leavesOut:
    'sessions, consent, grants, digests, registration, resource, computed metadata, opaque access tokens, events',
  start(issuing) {
    const tokens = createTokens(issuing)
    const { clients, codes, accessTokens, scopes, users } = createRepositories(issuing)
    const server = new AuthorizationServer(clients, accessTokens, scopes, tokens, { issuer: issuerOf(issuing) })
    server.enableGrantTypes(
      ['refresh_token', tokens.lifetime],
      [{ grant: 'authorization_code', authCodeRepository: codes, userRepository: users }, tokens.lifetime]
    )
    const app = fastify()
    app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
      done(null, Object.fromEntries(new URLSearchParams(String(body))))
    )
    app.get('/authorize', async (request, reply) => {
      try {
        const asked = await server.validateAuthorizationRequest(requestFromFastify(request))
        asked.user = { id: String(request.headers['x-user']) }
        asked.isAuthorizationApproved = true
        return handleFastifyReply(reply, await server.completeAuthorizationRequest(asked))
      } catch (error) {
        return handleFastifyError(error, reply)
      }
    })
    for (const [path, answer] of [
      ['/token', server.respondToAccessTokenRequest.bind(server)],
      ['/introspect', server.introspect.bind(server)]
    ] as const) {
      app.post(path, async (request, reply) => {
        try {
          return handleFastifyReply(reply, await answer(requestFromFastify(request)))
        } catch (error) {
          return handleFastifyError(error instanceof OAuthException ? error : new Error('refused'), reply)
        }
      })
    }
    app.get('/.well-known/jwks.json', async () => tokens.keySet)
    const metadata = metadataOf(issuing)
    app.get('/.well-known/oauth-authorization-server', async () => metadata)
    return listen(app, issuing.port)
  }
}

function metadataOf(issuing: Issuing): Record<string, unknown> {
  const issuer = issuerOf(issuing)
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/introspect`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256']
  }
}
