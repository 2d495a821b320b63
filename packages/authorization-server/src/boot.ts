/** Builds what the endpoints share, and refuses to start where a promise could not be kept. */
import {
  type AuthorizationServer,
  ConfigurationError,
  createKeyRing,
  createSafeFetch,
  joinStorage,
  type KeyRing,
  openStorage,
  randomSecret,
  readStorage,
  systemClock
} from '@fastify-mcp-auth/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createTrustedIssuers } from './assertions/trusted-issuers.ts'
import { createDevices } from './authorization/device.ts'
import { createInteractions } from './authorization/interaction.ts'
import { createCatalogue } from './catalogue.ts'
import { cleanUp } from './cleanup.ts'
import { createClients } from './clients/administration.ts'
import { createClientKeys } from './clients/client-keys.ts'
import { createDocuments } from './clients/documents.ts'
import { budgeted, createFetchBudget, type FetchBudget } from './clients/fetch-budget.ts'
import { readConfiguredClients } from './clients/resolve.ts'
import type { ServerContext } from './context.ts'
import { introspectionAlgorithms } from './endpoints/introspection.ts'
import { createEvents } from './events.ts'
import { connectedApps, connectedGrants } from './grants/connected.ts'
import type { Grant } from './grants/grant.ts'
import { revokeGrant, revokeGrants } from './grants/revocation.ts'
import { health, stats } from './health.ts'
import { issuerStorage } from './issuer-storage.ts'
import { identityScopes } from './openid/identity-scopes.ts'
import { createSignOuts, endsSessions } from './openid/sign-out.ts'
import type { Options } from './options.ts'
import { createLimits } from './rate-limit.ts'
import { COLLECTIONS, openRecords } from './records.ts'
import { createTelemetry } from './telemetry.ts'
import { readExternalSigner } from './tokens/signer.ts'
import { loadSigningKeys } from './tokens/signing-keys.ts'
import { looksLikeOurs, verifyAccessToken } from './tokens/verify-access-token.ts'
import { guardedUsers } from './users.ts'
import { watchStorage } from './watched-storage.ts'

/** @throws ConfigurationError, UnavailableError */
export async function boot(
  app: FastifyInstance,
  options: Options,
  grants: ReadonlyMap<string, Grant>
): Promise<ServerContext> {
  const clock = options.clock ?? systemClock
  const keyRing = keyRingOf(options)
  const { default: lasting, shortLived } = readStorage(options.storage)
  if (!lasting.capabilities.durable) {
    app.log.warn(
      'authorization-server: the storage is not durable, every client and grant is lost when this process ends'
    )
  }
  await openStorage({ default: lasting, shortLived }, Object.values(COLLECTIONS))
  const telemetry = await createTelemetry(options.issuer)
  const sinks = [telemetry?.count, options.onEvent].filter(sink => sink !== undefined)
  const events = createEvents({ issuer: options.issuer, clock, log: app.log, sinks })
  // Each by itself: one that answers says nothing about the other.
  const watched = new Map([lasting, shortLived].map(driver => [driver, watchStorage(driver, events, telemetry)]))
  const storage = joinStorage({
    default: watched.get(lasting) ?? lasting,
    shortLived: watched.get(shortLived) ?? shortLived
  })
  const records = openRecords(issuerStorage(storage, options.issuer))
  const catalogue = createCatalogue(options.resources, identityScopes(options.openid))
  const fetch = options.fetch ?? createSafeFetch()
  const { privateUseRedirectUris, clientIdMetadataDocuments: policy } = options
  const budgetOf = (): FetchBudget => createFetchBudget({ clock, perHost: options.fetchesPerHost })
  return Object.freeze({
    options,
    issuer: options.issuer,
    origin: new URL(options.issuer).origin,
    catalogue,
    configuredClients: readConfiguredClients(options),
    records,
    users: guardedUsers(options.users, new Set(identityScopes(options.openid).keys())),
    keys: await loadSigningKeys({
      records,
      keyRing,
      clock,
      issuer: options.issuer,
      algorithms: [
        ...catalogue.resources.map(({ accessToken }) => accessToken.algorithm),
        ...introspectionAlgorithms({ catalogue }),
        ...(options.openid ? [options.openid.algorithm] : [])
      ],
      external: await Promise.all(options.signers.map(readExternalSigner)),
      rotateAfter: options.keyRotationInterval,
      emit: events.emit
    }),
    keyRing,
    clock,
    fetch,
    log: app.log,
    documents: policy
      ? createDocuments({ fetch, budget: budgetOf(), clock, records, privateUseRedirectUris, policy })
      : null,
    // Apart: anybody can name a document, only a client that is known names its keys.
    clientKeys: createClientKeys({ fetch: budgeted(fetch, budgetOf()), clock }),
    trustedIssuers: createTrustedIssuers(options, clock),
    grants,
    limits: options.rateLimit
      ? await createLimits({ options: options.rateLimit, issuer: options.issuer, clock, events })
      : null,
    pages: { error: null, signedOutUrl: null, isServed: false },
    caller: () => null,
    events,
    emit: events.emit
  } satisfies ServerContext)
}

// Without durable storage nothing is at rest, and a key for this process is all that is needed.
function keyRingOf({ encryptionKeys }: Options): KeyRing {
  return createKeyRing(encryptionKeys ?? [Buffer.from(randomSecret(32), 'base64url').toString('base64')])
}

/** The face that the app, the consent pages and resource servers in the same process see. */
export function decoratorOf(server: ServerContext): AuthorizationServer<FastifyRequest, FastifyReply> {
  return Object.freeze({
    issuer: server.issuer,
    prefix: server.options.prefix,
    interactions: Object.freeze(createInteractions(server)),
    devices: server.options.deviceAuthorization ? Object.freeze(createDevices(server)) : null,
    signOuts: endsSessions(server) ? Object.freeze(createSignOuts(server)) : null,
    people: Object.freeze({
      async current(request) {
        const session = await server.users.session(request)
        return session && { subject: session.subject, displayName: session.displayName }
      },
      loginUrl: target => server.users.loginUrl(target),
      countRequest: async (request, page) =>
        server.limits?.count(request, { endpoint: `page ${page}`, limit: 'authorize' })
    } satisfies AuthorizationServer<FastifyRequest>['people']),
    grants: Object.freeze({
      list: (subject, bounds) => connectedGrants(server, subject, bounds),
      describe: (subject, bounds) => connectedApps(server, subject, bounds),
      revoke: (grantId, owner) =>
        revokeGrant(server, grantId, { reason: owner === undefined ? 'administrator' : 'user', owner }),
      revokeAll: (criteria, by = 'administrator') => revokeGrants(server, criteria, by)
    } satisfies AuthorizationServer['grants']),
    clients: createClients(server),
    keys: Object.freeze({
      list: () => server.keys.list(),
      rotate: (how?: { immediately?: boolean }) => server.keys.rotate(how)
    }),
    looksLikeOurs: (token: string) => looksLikeOurs(server, token),
    verifyAccessToken: (token: string, resource: string) => verifyAccessToken(server, token, resource),
    cleanup: (bounds?: { limit?: number }) => cleanUp(server, bounds),
    stats: (bounds?: { limit?: number }) => stats(server, bounds),
    health: () => health(server),
    on: server.events.on,
    present(pages) {
      if (server.pages.error)
        throw new ConfigurationError('FST_OAUTH_OPTION', 'authorization-server: two plugins want to draw its pages')
      server.pages.error = pages.error
      server.pages.signedOutUrl = pages.signedOutUrl ?? null
    }
  } satisfies AuthorizationServer<FastifyRequest, FastifyReply>)
}
