/** Tokens for a program in its own name, without a person: it gets what the operator wrote down for it, and nothing else. */
import { expandScopes, OAuthError, parseScope, type TokenResponse } from '@fastify-mcp-auth/core'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import { issueSingle, type SingleIssue, singleToken } from './single-token.ts'

/** Who asks: its name, and what it may do. */
export type Program = Pick<Client, 'clientId' | 'name' | 'names' | 'ownAccess'>

export interface OwnIssue extends Pick<SingleIssue, 'grantType' | 'since' | 'consume'> {
  readonly program: Program
  readonly body: { resource?: string; scope?: string }
}

/**
 * @throws OAuthError `invalid_target`, `invalid_scope`, or `unauthorized_client` when it has the name of a person; what `consume` throws
 * @throws UnavailableError
 */
export async function issueOwn(server: ServerContext, { program, body, ...issue }: OwnIssue): Promise<TokenResponse> {
  const policy = server.catalogue.resolve(body.resource)
  const scopes = ownScopes(program, policy, body.scope)
  await assertNobody(server, program.clientId)
  return issueSingle(server, { ...issue, policy, grant: ownGrant(server, { program, policy, scopes }) })
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

function ownGrant(
  server: ServerContext,
  { program, policy, scopes }: { program: Program; policy: ResourcePolicy; scopes: string[] }
): GrantRecord {
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
