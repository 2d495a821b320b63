/**
 * Workload identity: what the platform that a program runs on says about it is all that it needs, no registration and no secret. It acts in
 * its own name, by what the operator wrote down for it.
 *
 * @see RFC 7523 section 2.1, MCP extension "Workload identity federation" (draft)
 */
import { OAuthError, type TokenResponse } from '@fastify-mcp-auth/core'
import type { JWTPayload } from 'jose'
import {
  JWT_BEARER,
  readWorkloadAssertion,
  refusedAssertion,
  useAssertionOnce,
  type Vouched
} from '../assertions/trusted-issuers.ts'
import { readOwnAccess } from '../clients/own-access.ts'
import { resolveCaller } from '../clients/resolve.ts'
import { endpointUrl, type ServerContext } from '../context.ts'
import type { WorkloadIssuer } from '../options.ts'
import type { AloneCall } from './grant.ts'
import { issueOwn, type Program } from './own-name.ts'

/**
 * @throws OAuthError `invalid_grant` for an assertion that is no good, is about no workload of the options, or was used before;
 *   `invalid_client` when client credentials came along; `invalid_target`, `invalid_scope`
 * @throws UnavailableError when the keys of the platform or the storage cannot be had
 */
export async function exchangeWorkload({ server, form, authorization, since }: AloneCall): Promise<TokenResponse> {
  const { trusted, claims } = await readWorkloadAssertion(server, {
    assertion: form.assertion ?? '',
    tokenEndpoint: endpointUrl(server, 'token')
  })
  const program = programOf(trusted, claims)
  // It is no client: other credentials are somebody else's, or meant for something else.
  const others = [authorization, form.client_secret, form.client_assertion, form.client_assertion_type]
  if (others.some(given => given !== undefined) || (form.client_id ?? program.clientId) !== program.clientId)
    throw new OAuthError('invalid_client', 'the assertion of a workload comes without client authentication', {
      reason: 'credentials_beside_assertion'
    })
  await assertNoClient(server, program.clientId)
  const { resource, scope } = form
  const body = { ...(resource === undefined ? {} : { resource }), ...(scope === undefined ? {} : { scope }) }
  const consume = (): Promise<void> => accept(server, { trusted, claims, program })
  return issueOwn(server, { program, body, grantType: JWT_BEARER, since, consume })
}

async function accept(
  server: ServerContext,
  { trusted, claims, program: { clientId } }: Vouched<WorkloadIssuer> & { program: Program }
): Promise<void> {
  if (trusted.singleUse) await useAssertionOnce(server, claims)
  const { issuer: assertionIssuer } = trusted
  server.emit('assertion.accepted', { clientId, subject: clientId, assertionIssuer, assertionSubject: claims.sub })
}

/** By the claims that the operator wrote down. Two that fit would be a mistake of theirs, and nobody could say which was meant. */
function programOf({ workloads }: WorkloadIssuer, claims: JWTPayload): Program {
  const [only, ...others] = workloads.filter(workload =>
    Object.entries(workload.claims).every(([name, value]) => Object.hasOwn(claims, name) && claims[name] === value)
  )
  if (!only) throw refusedAssertion('unknown_workload')
  if (others.length > 0) throw refusedAssertion('ambiguous_workload')
  return {
    clientId: only.client_id,
    name: only.client_name,
    names: {},
    ownAccess: readOwnAccess(only.client_credentials)
  }
}

// Introspection, revocation and grants go by the name of the client: two with one name could use what is the other's.
async function assertNoClient(server: ServerContext, clientId: string): Promise<void> {
  if ((await resolveCaller(server, { clientId, method: 'none' })) === null) return
  server.log.error({ clientId }, 'authorization-server: a workload has the name of a client, and gets no token')
  throw new OAuthError('unauthorized_client', 'this workload cannot act in its own name', {
    reason: 'name_of_a_client'
  })
}
