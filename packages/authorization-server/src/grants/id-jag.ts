/**
 * Enterprise-managed authorization: the identity provider of a company decides that one of its people uses a client here, and says so in an
 * identity assertion grant (ID-JAG). Nobody is asked, so nothing is granted beyond what it says, and there is no refresh token: the client
 * comes back with a new assertion, for as long as the identity provider makes one.
 *
 * @see draft-ietf-oauth-identity-assertion-authz-grant section 4.4, MCP extension "Enterprise-managed authorization"
 */
import {
  canonicalResource,
  expandScopes,
  OAuthError,
  parseScope,
  randomSecret,
  sameResource,
  type TokenResponse,
  UnavailableError
} from '@fastify-mcp-auth/core'
import type { JWTPayload } from 'jose'
import {
  JWT_BEARER,
  readIdJag,
  refusedAssertion,
  useAssertionOnce,
  type Vouched
} from '../assertions/trusted-issuers.ts'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import { identityScopes } from '../openid/identity-scopes.ts'
import { pairwiseSub, sectorOf } from '../openid/pairwise.ts'
import type { IdentityProvider } from '../options.ts'
import type { GrantRecord } from '../records.ts'
import type { ResourcePolicy } from '../resource-policy.ts'
import type { AssertedPerson, AssertedUser } from '../types.ts'
import { attachProps } from './lifecycle.ts'
import { issueSingle, singleToken } from './single-token.ts'
import { stillAllowed } from './still-allowed.ts'

export interface IdJagRequest {
  readonly assertion: string
  readonly resource?: string
  readonly scope?: string
}

/**
 * @throws OAuthError `invalid_grant` for an assertion that is no good, was used before, or is about nobody; `invalid_target`,
 *   `invalid_scope`
 * @throws UnavailableError when keys, the app or the storage cannot be had
 */
export async function exchangeIdJag(
  server: ServerContext,
  { client, body, since }: { client: Client; body: IdJagRequest; since: string | null }
): Promise<TokenResponse> {
  const { trusted, claims } = await readIdJag(server, body.assertion)
  if (claims['client_id'] !== client.clientId) throw refusedAssertion('assertion_of_another_client')
  const policy = assertedPolicy(server, claims, body.resource)
  const wanted = assertedScopes(server, policy, { said: claims['scope'], asked: body.scope })
  const person = await personOf(server, trusted, claims)
  const unsealed = grantOf(server, { client, policy, scopes: wanted, person })
  const scopes = await stillAllowed(server, { grant: unsealed, resource: policy.resource, scopes: wanted })
  // What a code is elsewhere: nobody ever has it, but it opens the props for the one token.
  const presented = randomSecret()
  const grant = { ...(await attachProps(server, { secret: presented, record: unsealed })), scopes }
  const consume = (): Promise<void> => accept(server, { trusted, claims, person, client })
  return issueSingle(server, { grant, policy, grantType: JWT_BEARER, presented, since, consume })
}

async function accept(
  server: ServerContext,
  { trusted, claims, person, client }: Vouched<IdentityProvider> & { person: Person; client: Client }
): Promise<void> {
  await useAssertionOnce(server, claims)
  server.emit('assertion.accepted', {
    clientId: client.clientId,
    subject: person.subject,
    assertionIssuer: trusted.issuer,
    assertionSubject: claims.sub
  })
}

/** The resource that the assertion names; of several the one that the client asks for. */
function assertedPolicy(server: ServerContext, claims: JWTPayload, asked: string | undefined): ResourcePolicy {
  const said: unknown[] = [claims['resource']].flat()
  if (said.length === 0 || !said.every(one => typeof one === 'string')) throw refusedAssertion('assertion_resource')
  const known = new Set(server.catalogue.resources.map(({ resource }) => resource))
  // Whether or not it is the one that is asked for: an assertion that is also for somebody else was not made for us.
  if (!said.every(one => known.has(canonicalOrEmpty(one)))) throw refusedAssertion('foreign_resource')
  const [only = '', ...others] = said
  if (asked === undefined && others.length > 0)
    throw new OAuthError('invalid_target', 'the assertion is for several resources: name one of them', {
      reason: 'resource_undecided'
    })
  if (asked === undefined) return server.catalogue.resolve(only)
  if (!said.some(one => sameResource(one, asked)))
    throw new OAuthError('invalid_target', 'resource is not the one of the assertion', { reason: 'resource_differs' })
  return server.catalogue.resolve(asked)
}

function canonicalOrEmpty(uri: string): string {
  try {
    return canonicalResource(uri)
  } catch {
    return ''
  }
}

/**
 * What both say: the identity provider in the assertion, and the client in its request. Where the identity provider names no scopes it leaves
 * the choice to this server, which gives what everybody gets who names none. Never one about the person: nobody signed in here.
 */
function assertedScopes(
  server: ServerContext,
  { scopes, hierarchy, defaultScopes }: ResourcePolicy,
  { said, asked }: { said: unknown; asked: string | undefined }
): string[] {
  if (said !== undefined && typeof said !== 'string') throw refusedAssertion('assertion_scope')
  const identity = identityScopes(server.options.openid)
  const allowed = (said === undefined ? defaultScopes : scopesSaid(said)).filter(
    word => scopes.has(word) && !identity.has(word)
  )
  const wanted = parseScope(asked)
  const covered = expandScopes(allowed, hierarchy)
  const granted = wanted.length === 0 ? allowed : wanted.filter(word => covered.has(word))
  if (granted.length > 0) return [...new Set(granted)]
  throw new OAuthError('invalid_scope', 'nothing of that is in the assertion', { reason: 'beyond_assertion' })
}

function scopesSaid(said: string): string[] {
  try {
    return parseScope(said)
  } catch (error) {
    throw refusedAssertion('assertion_scope', error)
  }
}

interface Person {
  readonly subject: string
  readonly organization: string | null
}

/** Whom the app knows by these claims. Nobody is made here. */
async function personOf(
  server: ServerContext,
  { user, issuer }: IdentityProvider,
  claims: JWTPayload
): Promise<Person> {
  const known = await askedFor(user, claims)
  if (!known) throw refusedAssertion('unknown_person')
  const subject = server.users.subjectOf(known.user)
  // Whether they are in it is asked with everything else that they may do.
  if (known.organization !== undefined) return { subject, organization: known.organization }
  const organizations = await server.users.organizations(known.user)
  if (organizations.length > 1) {
    server.log.error(
      { assertionIssuer: issuer },
      'authorization-server: option "jwtBearer.identityProviders.user" has to say the organization of who has several'
    )
    throw refusedAssertion('organization_undecided')
  }
  return { subject, organization: organizations[0]?.id ?? null }
}

async function askedFor(user: AssertedUser, claims: JWTPayload): Promise<AssertedPerson | null> {
  try {
    return (await user(structuredClone(claims) as Parameters<AssertedUser>[0])) ?? null
  } catch (error) {
    throw new UnavailableError('option "jwtBearer.identityProviders.user" failed', { cause: error })
  }
}

function grantOf(
  server: ServerContext,
  { client, policy, scopes, person }: { client: Client; policy: ResourcePolicy; scopes: string[]; person: Person }
): GrantRecord {
  const { clientId, name, names } = client
  const { subject, organization } = person
  return {
    ...singleToken(server, policy),
    clientId,
    clientName: name,
    clientNames: names,
    byClient: false,
    subject,
    sub: pairwiseSub(server, { sector: sectorOf(client), subject }),
    organization,
    scopes,
    // Somebody else saw the sign-in.
    authTime: 0
  }
}
