/**
 * A client in its own name, without a person: it gets what the operator wrote down for it, and nothing else.
 *
 * Each token is a grant by itself, so that it can be looked at and taken back like any other. There is no refresh token: a client that can
 * prove itself needs none.
 *
 * @see RFC 6749 section 4.4, OAuth 2.1 section 4.2, MCP extension "OAuth client credentials"
 */
import { digest, expandScopes, OAuthError, parseScope, randomSecret } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import type { Client } from '../clients/client.ts'
import { CLIENT_CREDENTIALS } from '../clients/own-access.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { NO_PROPS } from '../tokens/props.ts'
import { issueTokens } from '../tokens/token-response.ts'
import { defineGrant } from './grant.ts'
import { newGrantId } from './grant-id.ts'
import { NO_REFRESH } from './lifecycle.ts'

export const clientCredentials = defineGrant({
  grantType: CLIENT_CREDENTIALS,
  body: Type.Object({ resource: Type.Optional(Type.String()), scope: Type.Optional(Type.String()) }),
  async exchange({ server, client, body }) {
    const { clientId } = client
    // By what it may do, not by what it did: a client that may come without proof could be anybody.
    if (client.authMethods.includes('none'))
      throw new OAuthError('unauthorized_client', 'only a client that proves itself has access of its own', {
        reason: 'public_client'
      })
    const policy = server.catalogue.resolve(body.resource)
    const scopes = ownScopes(client, policy, body.scope)
    await assertNobody(server, clientId)
    const grantId = newGrantId(server.clock.now())
    const grant = ownGrant(server, { client, policy, scopes })
    const issued = await issueTokens(server, {
      grantId,
      grant,
      policy,
      scopes,
      refreshToken: null,
      presented: '',
      nonce: null
    })
    await server.records.grants.insert(grantId, { ...grant, ...issued.patch })
    const { resource } = policy
    server.emit('token.issued', {
      grantId,
      clientId,
      subject: clientId,
      grantType: CLIENT_CREDENTIALS,
      resource,
      scopes
    })
    return issued.response
  }
})

/**
 * Of what it asks for, what it may have: clients ask for all that a resource advertises.
 *
 * @throws OAuthError `invalid_target` where it may do nothing, `invalid_scope` when it asks for nothing that it may
 */
function ownScopes({ ownAccess }: Client, { resource, scopes, hierarchy }: ResourcePolicy, scope?: string): string[] {
  // A scope that the options do not have any more is granted to nobody any more.
  const allowed = (ownAccess?.get(resource) ?? []).filter(word => scopes.has(word))
  if (allowed.length === 0)
    throw new OAuthError('invalid_target', 'the client has no access of its own at this resource', {
      reason: 'no_own_access'
    })
  const asked = parseScope(scope)
  if (asked.length === 0) return allowed
  const covered = expandScopes(allowed, hierarchy)
  const granted = asked.filter(word => covered.has(word))
  if (granted.length > 0) return granted
  throw new OAuthError('invalid_scope', 'nothing of that may be had by this client', { reason: 'beyond_own_access' })
}

// A resource server tells people by `sub`: a client must never be taken for one (RFC 9700 section 4.15).
async function assertNobody(server: ServerContext, clientId: string): Promise<void> {
  if ((await server.users.find(clientId)) === null) return
  server.log.error(
    { clientId },
    'authorization-server: a client has the name of a user (users.subject), and gets no token'
  )
  throw new OAuthError('unauthorized_client', 'this client cannot act in its own name', { reason: 'name_of_a_user' })
}

function ownGrant(
  server: ServerContext,
  { client, policy, scopes }: { client: Client; policy: ResourcePolicy; scopes: string[] }
): GrantRecord {
  const { clientId, name, names } = client
  const now = server.clock.now()
  const endsAt = now + (policy.accessToken.lifetime ?? server.options.accessTokenTtl)
  return {
    clientId,
    clientName: name,
    clientNames: names,
    byClient: true,
    subject: clientId,
    // RFC 9068 section 2.2: the client itself. Pairwise names are for people.
    sub: null,
    organization: null,
    resources: [policy.resource],
    scopes,
    redirectUri: null,
    authTime: now,
    acr: null,
    amr: [],
    createdAt: now,
    lastUsedAt: now,
    expiresAt: endsAt,
    endsAt,
    refreshable: false,
    revokedAt: null,
    // There was no code: it is the digest of what nobody knows, and used.
    codeDigest: digest(randomSecret()),
    codeChallenge: null,
    codeExpiresAt: now,
    codeConsumedAt: now,
    nonce: null,
    ...NO_REFRESH,
    ...NO_PROPS,
    accessTokens: null
  }
}
