/**
 * Authorization server for Fastify: OAuth 2.1 endpoints on top of the app's own users, login and database.
 *
 * The routes stand in the order in which an MCP client meets them.
 */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { boot, decoratorOf } from './boot.ts'
import { endpointPath, interactionPath } from './context.ts'
import { authorizationEndpoint } from './endpoints/authorization.ts'
import { deviceEndpoint } from './endpoints/device.ts'
import { deviceAuthorizationEndpoint } from './endpoints/device-authorization.ts'
import { confirmSignOutEndpoint, endSessionEndpoint } from './endpoints/end-session.ts'
import { interactionEndpoint, unknownInteraction } from './endpoints/interaction.ts'
import { introspectionEndpoint } from './endpoints/introspection.ts'
import { jwksEndpoint } from './endpoints/jwks.ts'
import { discoveryPaths, jwksPath, metadataEndpoint, metadataPath } from './endpoints/metadata.ts'
import { pushedAuthorizationEndpoint } from './endpoints/pushed-authorization.ts'
import { registrationEndpoint } from './endpoints/registration.ts'
import { registrationManagementEndpoint } from './endpoints/registration-management.ts'
import { revocationEndpoint } from './endpoints/revocation.ts'
import { tokenEndpoint } from './endpoints/token.ts'
import { userinfoEndpoint } from './endpoints/userinfo.ts'
import { authorizationCode } from './grants/authorization-code.ts'
import { clientCredentials } from './grants/client-credentials.ts'
import { deviceCode } from './grants/device-code.ts'
import type { Grant } from './grants/grant.ts'
import { jwtBearer } from './grants/jwt-bearer.ts'
import { refreshToken } from './grants/refresh-token.ts'
import { endsSessions } from './openid/sign-out.ts'
import type { AuthorizationServerOptions, Options } from './options.ts'
import { readOptions } from './read-options.ts'
import { browserScope, machineEndpoint } from './scopes.ts'
import { checkWhenReady } from './self-check.ts'

/** By what clients may trade; what an option has to open is there only with it. */
function grantsOf({ deviceAuthorization, jwtBearer: assertions }: Options): ReadonlyMap<string, Grant> {
  const grants = [
    authorizationCode,
    refreshToken,
    clientCredentials,
    ...(deviceAuthorization ? [deviceCode] : []),
    ...(assertions ? [jwtBearer] : [])
  ]
  return new Map(grants.map(grant => [grant.grantType, grant]))
}

async function authorizationServer(app: FastifyInstance, input: AuthorizationServerOptions): Promise<void> {
  if (app.prefix !== '') {
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      'authorization-server: register it at the root, where its well-known paths belong, and move its endpoints with option "prefix"'
    )
  }
  if (app.hasDecorator('authorizationServer')) {
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      'authorization-server: option "issuer": there is one here already; register each issuer, with its consent pages, in a scope of its own'
    )
  }
  const options = readOptions(input)
  const server = await boot(app, options, grantsOf(options))
  const { deviceAuthorization } = options
  const at = (name: string): string => endpointPath(server, name)
  const aliases = (name: string): string[] => (options.rootAliases ? [`/${name}`] : [])
  app.decorate('authorizationServer', decoratorOf(server))
  checkWhenReady(app, server)

  machineEndpoint(app, server, { path: metadataPath(server), methods: ['GET', 'HEAD'], endpoint: metadataEndpoint })
  if (server.options.dynamicRegistration) {
    machineEndpoint(app, server, {
      path: at('register'),
      aliases: aliases('register'),
      methods: ['POST'],
      endpoint: registrationEndpoint,
      limit: 'register',
      body: 'application/json',
      malformed: 'invalid_client_metadata'
    })
    machineEndpoint(app, server, {
      path: at('register/'),
      url: ':clientId',
      methods: ['GET', 'PUT', 'DELETE'],
      endpoint: registrationManagementEndpoint,
      limit: 'register',
      body: 'application/json',
      malformed: 'invalid_client_metadata'
    })
  }
  if (server.options.pushedAuthorizationRequests !== 'off') {
    machineEndpoint(app, server, {
      path: at('par'),
      methods: ['POST'],
      endpoint: pushedAuthorizationEndpoint,
      limit: 'token',
      body: 'application/x-www-form-urlencoded'
    })
  }
  if (deviceAuthorization) {
    machineEndpoint(app, server, {
      path: at('device_authorization'),
      methods: ['POST'],
      endpoint: (scope, context, route) =>
        deviceAuthorizationEndpoint(scope, context, { route, options: deviceAuthorization }),
      limit: 'token',
      body: 'application/x-www-form-urlencoded'
    })
  }
  browserScope(app, server, [
    { path: at('authorize'), aliases: aliases('authorize'), endpoint: authorizationEndpoint },
    ...(deviceAuthorization ? [{ path: at('device'), endpoint: deviceEndpoint }] : []),
    { path: interactionPath(server, ':handle'), endpoint: interactionEndpoint },
    { path: interactionPath(server, '*'), endpoint: unknownInteraction }
  ])
  machineEndpoint(app, server, {
    path: at('token'),
    aliases: aliases('token'),
    methods: ['POST'],
    endpoint: tokenEndpoint,
    limit: 'token',
    body: 'application/x-www-form-urlencoded'
  })
  machineEndpoint(app, server, { path: jwksPath(server), methods: ['GET', 'HEAD'], endpoint: jwksEndpoint })
  machineEndpoint(app, server, {
    path: at('introspect'),
    methods: ['POST'],
    // No limit: a busy resource server asks once per request, and nobody gets past its secret by guessing. The endpoint itself counts
    // those whose metadata document would have to be fetched.
    endpoint: introspectionEndpoint,
    body: 'application/x-www-form-urlencoded'
  })
  machineEndpoint(app, server, {
    path: at('revoke'),
    methods: ['POST'],
    endpoint: revocationEndpoint,
    limit: 'token',
    body: 'application/x-www-form-urlencoded'
  })

  if (server.options.openid) {
    for (const path of discoveryPaths(server))
      machineEndpoint(app, server, { path, methods: ['GET', 'HEAD'], endpoint: metadataEndpoint })
    machineEndpoint(app, server, {
      path: at('userinfo'),
      methods: ['GET', 'POST'],
      endpoint: userinfoEndpoint,
      limit: 'token',
      body: 'application/x-www-form-urlencoded'
    })
  }
  if (endsSessions(server)) {
    browserScope(app, server, [
      { path: at('end_session'), endpoint: endSessionEndpoint },
      { path: at('end_session/confirm'), endpoint: confirmSignOutEndpoint }
    ])
  }
}

/**
 * Registers the authorization server and decorates `app.authorizationServer`.
 *
 * Does not sign anybody in (that is the app's, through `users`) and does not draw pages (that is
 * `@fastify-mcp-auth/consent`'s, or the app's through `interactionUrl`).
 *
 * @throws ConfigurationError while booting, naming the option
 */
export default fp(authorizationServer, { name: '@fastify-mcp-auth/authorization-server', fastify: '>=5.8.3 <6' })
