/** Grants that take somebody else's word: ID-JAG at both of its servers, and assertions of a workload. */
import { randomSecret } from '@fastify-mcp-auth/core'
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { type AuthorizationServerContext, RefusedRequest, scopesOf } from './context.ts'
import { startGrant } from './grants.ts'
import type { TokenRequest } from './token.ts'
import { issueTokens } from './token-response.ts'

const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag'

/**
 * At the identity provider: an identity token becomes an assertion for another authorization server.
 *
 * @see RFC 8693 section 2.1, draft-ietf-oauth-identity-assertion-authz-grant section 4
 */
export async function exchangeToken(
  context: AuthorizationServerContext,
  { form, client, resource }: TokenRequest
): Promise<Record<string, unknown>> {
  const { issuer, key, clock } = context
  if (form.get('requested_token_type') !== ID_JAG) throw new RefusedRequest('invalid_request', 'only ID-JAG is made')
  const audience = form.get('audience')
  if (audience === null) throw new RefusedRequest('invalid_request', 'audience is missing')
  const subject = await verifiedAssertion(context, form.get('subject_token') ?? '', { audience: client.clientId })
  const scope = form.get('scope')
  const jag = await new SignJWT({
    jti: randomSecret(12),
    client_id: client.clientId,
    ...(scope === null ? {} : { scope }),
    ...(resource === null ? {} : { resource })
  })
    .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: 'oauth-id-jag+jwt' })
    .setIssuer(issuer)
    .setSubject(String(subject.sub))
    .setAudience(audience)
    .setIssuedAt(clock.now())
    .setExpirationTime(clock.now() + 300)
    .sign(key.privateKey)
  return { access_token: jag, issued_token_type: ID_JAG, token_type: 'N_A', expires_in: 300 }
}

/** At the authorization server of the resource: an assertion becomes an access token. @see RFC 7523 section 2.1 */
export async function redeemAssertion(
  context: AuthorizationServerContext,
  { form, client, resource, dpopJkt }: TokenRequest
): Promise<Record<string, unknown>> {
  const claims = await verifiedAssertion(context, form.get('assertion') ?? '', { audience: context.issuer })
  const id = `${claims.iss} ${claims.jti}`
  if (context.records.assertionIds.has(id)) throw new RefusedRequest('invalid_grant', 'the assertion was used before')
  if (claims.jti !== undefined) context.records.assertionIds.add(id)
  const asked = scopesOf(form.get('scope') ?? (typeof claims['scope'] === 'string' ? claims['scope'] : null))
  const scopes = context.behaviour.grantScopes(asked)
  const named = typeof claims['resource'] === 'string' ? claims['resource'] : null
  const subject = String(claims.sub)
  const grant = { clientId: client.clientId, subject, scopes, resource: resource ?? named, dpopJkt }
  return issueTokens(context, startGrant(context, grant), { scopes, refreshToken: null })
}

async function verifiedAssertion(
  context: AuthorizationServerContext,
  assertion: string,
  { audience }: { audience: string }
): Promise<JWTPayload> {
  try {
    const { iss = '' } = decodeJwt(assertion)
    const trusted = context.trusted.get(iss)
    if (!trusted) throw new Error('the issuer is not trusted')
    const keys = (await context.fetchJson(trusted.jwksUri)) as unknown as JSONWebKeySet
    const now = new Date(context.clock.now() * 1000)
    const options = { issuer: iss, audience, requiredClaims: ['sub', 'exp'], currentDate: now }
    return (await jwtVerify(assertion, createLocalJWKSet(keys), options)).payload
  } catch (error) {
    throw new RefusedRequest('invalid_grant', `the assertion is not good: ${(error as Error).message}`)
  }
}
