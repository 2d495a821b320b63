/**
 * Tokens for a program in its own name, without a person: it gets what the operator wrote down for it, and nothing else.
 *
 * Each token is a grant by itself, so that it can be looked at and taken back like any other. There is no refresh token: who can prove itself
 * needs none.
 */
import { digest, expandScopes, OAuthError, parseScope, randomSecret, type TokenResponse } from '@fastify-mcp-auth/core'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { NO_PROPS } from '../tokens/props.ts'
import { issueTokens } from '../tokens/token-response.ts'
import { newGrantId } from './grant-id.ts'
import { NO_REFRESH } from './lifecycle.ts'

/** Who asks: its name, and what it may do. */
export type Program = Pick<Client, 'clientId' | 'name' | 'names' | 'ownAccess'>

/** What a program is about to get. */
export interface OwnIssue {
  readonly program: Program
  readonly policy: ResourcePolicy
  readonly scopes: string[]
  readonly grantType: string
  /** Uses up what it came with, when all the rest is ready: an outage before that costs nobody anything. */
  readonly consume?: () => Promise<void>
}

/**
 * Decides what it gets; stores nothing.
 *
 * @throws OAuthError `invalid_target`, `invalid_scope`, or `unauthorized_client` when it has the name of a person
 * @throws UnavailableError
 */
export async function prepareOwn(
  server: ServerContext,
  { program, body, grantType }: { program: Program; body: { resource?: string; scope?: string }; grantType: string }
): Promise<OwnIssue> {
  const policy = server.catalogue.resolve(body.resource)
  const scopes = ownScopes(program, policy, body.scope)
  await assertNobody(server, program.clientId)
  return { program, policy, scopes, grantType }
}

/** @throws UnavailableError; what `consume` throws */
export async function issueOwn(server: ServerContext, issue: OwnIssue): Promise<TokenResponse> {
  const { program, policy, scopes, grantType, consume } = issue
  const { clientId } = program
  const grantId = newGrantId(server.clock.now())
  const grant = ownGrant(server, issue)
  const issued = await issueTokens(server, {
    grantId,
    grant,
    policy,
    scopes,
    refreshToken: null,
    presented: '',
    nonce: null
  })
  await consume?.()
  await server.records.grants.insert(grantId, { ...grant, ...issued.patch })
  server.emit('token.issued', { grantId, clientId, subject: clientId, grantType, resource: policy.resource, scopes })
  return issued.response
}

/**
 * Of what it asks for, what it may have: clients ask for all that a resource advertises.
 *
 * @throws OAuthError `invalid_target` where it may do nothing, `invalid_scope` when it asks for nothing that it may
 */
function ownScopes({ ownAccess }: Program, { resource, scopes, hierarchy }: ResourcePolicy, scope?: string): string[] {
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

function ownGrant(server: ServerContext, { program, policy, scopes }: OwnIssue): GrantRecord {
  const { clientId, name, names } = program
  return {
    ...singleToken(server, policy),
    clientId,
    clientName: name,
    clientNames: names,
    byClient: true,
    subject: clientId,
    // RFC 9068 section 2.2: the client itself. Pairwise names are for people.
    sub: null,
    organization: null,
    scopes,
    authTime: server.clock.now()
  }
}

/** The part of a grant's record that is the same wherever one access token is all that it ever has, and no code came before it. */
export function singleToken(
  server: ServerContext,
  { resource, accessToken }: ResourcePolicy
): Omit<
  GrantRecord,
  'clientId' | 'clientName' | 'clientNames' | 'byClient' | 'subject' | 'sub' | 'organization' | 'scopes' | 'authTime'
> {
  const now = server.clock.now()
  const endsAt = now + (accessToken.lifetime ?? server.options.accessTokenTtl)
  return {
    resources: [resource],
    redirectUri: null,
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
