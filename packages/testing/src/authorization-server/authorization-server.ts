/**
 * A fake authorization server for tests of OAuth clients: real HTTP on 127.0.0.1, every behaviour switchable while it runs, every
 * endpoint able to fail, everything that was issued and used open to the test.
 *
 * It keeps to the rules that a client may rely on (PKCE, exact redirect URIs, single use of codes, rotation with reuse
 * detection), so a client that passes has kept to them, too. It lets anybody sign in. For tests only.
 *
 * ```ts
 * const server = await createFakeAuthorizationServer({ behaviour: { rotation: 'always' } })
 * server.fail('token', fault.unavailable(5))
 * ```
 */
import { type Clock, systemClock } from '@fastify-mcp-auth/core'
import { exportJWK } from 'jose'
import { createTestKey, type TestKey } from '../issuer-keys.ts'
import { jsonAnswer, type LoopbackServer, listenOnLoopback, type ReceivedRequest } from '../loopback/server.ts'
import { authorize, pushRequest } from './authorization.ts'
import { type AuthorizationServerBehaviour, defaultBehaviour } from './behaviour.ts'
import { register } from './clients.ts'
import type { AuthorizationServerContext } from './context.ts'
import { metadataAnswer, metadataPlaceOf, serverMetadata } from './metadata.ts'
import { AuthorizationServerRecords, type FakeClient, type FakeToken } from './records.ts'
import { revoke, token } from './token.ts'

export type { AuthorizationServerBehaviour, MetadataPlace } from './behaviour.ts'
export type { AuthorizationServerEvent, FakeClient, FakeCode, FakeGrant, FakeToken } from './records.ts'

/** Names of the endpoints, for `fail`, `heal` and the log. */
export type AuthorizationServerEndpoint = 'metadata' | 'register' | 'authorize' | 'par' | 'token' | 'revoke' | 'jwks'

/** A running fake authorization server. */
export interface FakeAuthorizationServer extends LoopbackServer {
  readonly issuer: string
  /** Change its members at any time. */
  readonly behaviour: AuthorizationServerBehaviour
  readonly records: AuthorizationServerRecords
  /** Its signing key, for tokens that the test makes itself. */
  readonly key: TestKey
  metadata(): Record<string, unknown>
  /** A client that is known without registration. */
  addClient(client: { clientId: string; clientSecret?: string; metadata?: Record<string, unknown> }): FakeClient
  /** As an operator who tidies up: the client is gone, its grants stay. */
  forgetClient(clientId: string): void
  /** Takes assertions of that issuer, signed by the keys at `jwksUri`. */
  trust(issuer: string, jwksUri: string): void
  /** Ends the grants of a subject as an operator would, or all of them. */
  endGrants(subject?: string): void
  /** The access token, if it is good at this moment: not expired, not revoked, its grant alive. */
  verify(accessToken: string): FakeToken | null
}

/** Where a fake authorization server starts. */
export interface AuthorizationServerOptions {
  behaviour?: Partial<AuthorizationServerBehaviour>
  /** Path of the issuer, such as `/tenant`; none by default. */
  path?: string
  /** What lifetimes count by; the clock of the computer by default. */
  clock?: Clock
  /** Metadata documents and key sets of clients, by URL, that are not fetched. */
  documents?: ReadonlyMap<string, Record<string, unknown>>
}

/** Starts one. The caller closes it. */
export async function createFakeAuthorizationServer(
  options: AuthorizationServerOptions = {}
): Promise<FakeAuthorizationServer> {
  const { path = '', clock = systemClock, documents = new Map<string, Record<string, unknown>>() } = options
  const key = await createTestKey('ES256', 'fake-1')
  const behaviour = { ...defaultBehaviour, ...options.behaviour }
  const records = new AuthorizationServerRecords()
  const trusted = new Map<string, { jwksUri: string }>()
  let context: AuthorizationServerContext
  const server = await listenOnLoopback(request => endpointFor(context, path, request))
  const issuer = `${server.url}${path}`
  const fetchJson = async (url: string): Promise<Record<string, unknown>> =>
    documents.get(url) ?? ((await (await fetch(url, { redirect: 'error' })).json()) as Record<string, unknown>)
  context = { issuer, behaviour, records, clock, key, trusted, fetchJson }
  return Object.assign(server, {
    issuer,
    behaviour,
    records,
    key,
    metadata: () => serverMetadata(context),
    addClient: (client: Parameters<FakeAuthorizationServer['addClient']>[0]) => addClient(records, client),
    forgetClient: (clientId: string) => void records.clients.delete(clientId),
    trust: (name: string, jwksUri: string) => void trusted.set(name, { jwksUri }),
    endGrants(subject?: string) {
      for (const grant of records.grants.values())
        if (subject === undefined || grant.subject === subject) records.end(grant, 'test', clock.now())
    },
    verify(accessToken: string) {
      const found = records.accessTokens.get(accessToken)
      const good = found && !found.revoked && found.grant.endedBy === null && (found.expiresAt ?? 0) > clock.now()
      return good ? found : null
    }
  })
}

function addClient(
  records: AuthorizationServerRecords,
  { clientId, clientSecret, metadata = {} }: Parameters<FakeAuthorizationServer['addClient']>[0]
): FakeClient {
  const client = { clientId, clientSecret: clientSecret ?? null, secretExpiresAt: null, metadata }
  records.clients.set(clientId, client)
  return client
}

function endpointFor(context: AuthorizationServerContext, path: string, request: ReceivedRequest) {
  const place = metadataPlaceOf(request.path, path)
  if (place) return { name: 'metadata', handle: () => metadataAnswer(context, place) }
  switch (request.path) {
    case `${path}/register`:
      return { name: 'register', handle: (received: ReceivedRequest) => register(context, received) }
    case `${path}/authorize`:
      return { name: 'authorize', handle: (received: ReceivedRequest) => authorize(context, received) }
    case `${path}/par`:
      return { name: 'par', handle: (received: ReceivedRequest) => pushRequest(context, received) }
    case `${path}/token`:
      return { name: 'token', handle: (received: ReceivedRequest) => token(context, received) }
    case `${path}/revoke`:
      return { name: 'revoke', handle: (received: ReceivedRequest) => revoke(context, received) }
    case `${path}/jwks.json`:
      return { name: 'jwks', handle: () => keysAnswer(context) }
  }
  return undefined
}

async function keysAnswer({ key }: AuthorizationServerContext) {
  const jwk = await exportJWK(key.publicKey)
  return jsonAnswer(200, { keys: [{ ...jwk, kid: key.kid, alg: key.algorithm, use: 'sig' }] })
}
