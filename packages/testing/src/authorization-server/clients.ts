/** Clients of a fake authorization server: registering, finding and authenticating them. */
import { randomSecret } from '@fastify-mcp-auth/core'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { type Answer, jsonAnswer, type ReceivedRequest } from '../loopback/server.ts'
import { type AuthorizationServerContext, RefusedRequest, refusal } from './context.ts'
import type { FakeClient } from './records.ts'

/** @see RFC 7591 section 3 */
export function register(context: AuthorizationServerContext, request: ReceivedRequest): Answer {
  try {
    const metadata = readRegistration(context, request)
    const method = String(metadata['token_endpoint_auth_method'] ?? 'client_secret_basic')
    const hasSecret = method === 'client_secret_basic' || method === 'client_secret_post'
    const lifetime = context.behaviour.clientSecretLifetime
    const client: FakeClient = {
      clientId: `client-${randomSecret(9)}`,
      clientSecret: hasSecret ? randomSecret(24) : null,
      secretExpiresAt: hasSecret && lifetime !== null ? context.clock.now() + lifetime : null,
      metadata: { ...metadata, token_endpoint_auth_method: method }
    }
    context.records.clients.set(client.clientId, client)
    context.records.note('client.registered', context.clock.now(), client)
    return jsonAnswer(201, {
      ...client.metadata,
      client_id: client.clientId,
      client_id_issued_at: context.clock.now(),
      ...(client.clientSecret === null
        ? {}
        : { client_secret: client.clientSecret, client_secret_expires_at: client.secretExpiresAt ?? 0 })
    })
  } catch (error) {
    return refusal(context, error, null)
  }
}

function readRegistration(context: AuthorizationServerContext, request: ReceivedRequest): Record<string, unknown> {
  if (context.behaviour.registration === 'closed') throw new RefusedRequest('access_denied', 'closed', 403)
  let metadata: Record<string, unknown>
  try {
    metadata = JSON.parse(request.body) as Record<string, unknown>
  } catch {
    throw new RefusedRequest('invalid_client_metadata', 'not JSON')
  }
  const uris = metadata['redirect_uris']
  const needsUris = ((metadata['grant_types'] as string[] | undefined) ?? ['authorization_code']).includes(
    'authorization_code'
  )
  if (needsUris && (!Array.isArray(uris) || uris.length === 0))
    throw new RefusedRequest('invalid_redirect_uri', 'redirect_uris is missing')
  return metadata
}

/** A known client, or one that its metadata document describes. @throws RefusedRequest with `invalid_client` for any other */
export async function findClient(context: AuthorizationServerContext, clientId: string | null): Promise<FakeClient> {
  const known = clientId === null ? undefined : context.records.clients.get(clientId)
  if (known) return known
  const isUrl = clientId !== null && /^https?:\/\/[^/]+\/./.test(clientId)
  if (!isUrl || !context.behaviour.clientIdMetadataDocuments)
    throw new RefusedRequest('invalid_client', 'the client is not known', context.behaviour.unknownClientStatus)
  const metadata = await context.fetchJson(clientId)
  if (metadata['client_id'] !== clientId)
    throw new RefusedRequest('invalid_client', 'the document is of another client', 401)
  return { clientId, clientSecret: null, secretExpiresAt: null, metadata }
}

/**
 * Who sends a form to the token, revocation or pushed authorization endpoint.
 *
 * @throws RefusedRequest with `invalid_client`
 * @see RFC 6749 section 2.3, RFC 7523 section 2.2
 */
export async function authenticateClient(
  context: AuthorizationServerContext,
  request: ReceivedRequest,
  form: URLSearchParams
): Promise<FakeClient> {
  const assertion = form.get('client_assertion')
  if (assertion !== null) return authenticateByAssertion(context, assertion)
  const basic = readBasic(request.headers['authorization'])
  const client = await findClient(context, basic?.clientId ?? form.get('client_id'))
  const secret = basic?.secret ?? form.get('client_secret')
  const method = client.metadata['token_endpoint_auth_method']
  if (client.clientSecret === null && method !== 'private_key_jwt' && secret === null) return client
  const used = basic ? 'client_secret_basic' : 'client_secret_post'
  if (client.clientSecret === null || secret !== client.clientSecret)
    throw new RefusedRequest('invalid_client', 'wrong credentials', 401)
  if (method !== undefined && method !== used)
    throw new RefusedRequest('invalid_client', `the client registered ${String(method)}`, 401)
  if (client.secretExpiresAt !== null && client.secretExpiresAt <= context.clock.now())
    throw new RefusedRequest('invalid_client', 'the secret has expired', 401)
  return client
}

async function authenticateByAssertion(context: AuthorizationServerContext, assertion: string): Promise<FakeClient> {
  const clientId = unverifiedSubject(assertion)
  const client = await findClient(context, clientId)
  const keys = await keysOf(context, client)
  try {
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(keys), {
      issuer: client.clientId,
      subject: client.clientId,
      audience: [context.issuer, `${context.issuer}/token`],
      requiredClaims: ['exp', 'jti'],
      currentDate: new Date(context.clock.now() * 1000),
      clockTolerance: 60
    })
    const id = `${client.clientId} ${payload.jti}`
    if (context.records.assertionIds.has(id)) throw new Error('replayed')
    context.records.assertionIds.add(id)
    return client
  } catch (error) {
    throw new RefusedRequest('invalid_client', `the assertion is not good: ${(error as Error).message}`, 401)
  }
}

async function keysOf(context: AuthorizationServerContext, client: FakeClient): Promise<JSONWebKeySet> {
  const { jwks, jwks_uri: uri } = client.metadata
  const keys = typeof uri === 'string' ? await context.fetchJson(uri) : jwks
  if (typeof keys !== 'object' || keys === null) throw new RefusedRequest('invalid_client', 'no keys', 401)
  return keys as JSONWebKeySet
}

function unverifiedSubject(assertion: string): string | null {
  try {
    const [, payload = ''] = assertion.split('.')
    return String((JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: unknown }).sub)
  } catch {
    return null
  }
}

function readBasic(header: string | undefined): { clientId: string; secret: string } | null {
  const encoded = /^Basic (.+)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return null
  // RFC 6749 section 2.3.1: both halves are form-encoded first.
  const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))
  const [clientId = '', secret = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(/:(.*)/s)
  return { clientId: decode(clientId), secret: decode(secret) }
}
