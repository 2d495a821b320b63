/** Token and revocation endpoint of a fake authorization server. */
import { type Answer, jsonAnswer, type ReceivedRequest } from '../loopback/server.ts'
import { exchangeToken, redeemAssertion } from './assertion-grants.ts'
import { authenticateClient } from './clients.ts'
import { type AuthorizationServerContext, checkResource, RefusedRequest, refusal } from './context.ts'
import { checkProof, nonceAt } from './dpop-proof.ts'
import { clientCredentials, redeemCode, refresh } from './grants.ts'
import type { FakeClient } from './records.ts'

/** A token request whose client and proof have been checked. */
export interface TokenRequest {
  readonly client: FakeClient
  readonly form: URLSearchParams
  readonly resource: string | null
  /** Thumbprint of the key of the proof; null without one. */
  readonly dpopJkt: string | null
}

type TokenGrant = (
  context: AuthorizationServerContext,
  request: TokenRequest
) => Record<string, unknown> | Promise<Record<string, unknown>>

const GRANTS: { readonly [grantType: string]: TokenGrant } = {
  authorization_code: redeemCode,
  refresh_token: refresh,
  client_credentials: clientCredentials,
  'urn:ietf:params:oauth:grant-type:jwt-bearer': redeemAssertion,
  'urn:ietf:params:oauth:grant-type:token-exchange': exchangeToken
}

/** @see RFC 6749 section 3.2 */
export async function token(context: AuthorizationServerContext, request: ReceivedRequest): Promise<Answer> {
  const form = new URLSearchParams(request.body)
  try {
    const client = await authenticateClient(context, request, form)
    const grantType = form.get('grant_type') ?? ''
    const grant = Object.hasOwn(GRANTS, grantType) ? GRANTS[grantType] : undefined
    if (!grant) throw new RefusedRequest('unsupported_grant_type', 'the grant type is not known')
    const resource = form.get('resource')
    checkResource(context, resource)
    const dpopJkt = await proofOf(context, request)
    const answer = await grant(context, { client, form, resource, dpopJkt })
    return jsonAnswer(200, answer, nonceHeader(context))
  } catch (error) {
    return refusal(context, error, form.get('client_id'))
  }
}

async function proofOf(context: AuthorizationServerContext, request: ReceivedRequest): Promise<string | null> {
  const { behaviour, records, clock, issuer } = context
  if (behaviour.dpop === 'none') return null
  if (request.headers['dpop'] === undefined) {
    if (behaviour.dpop === 'required') throw new RefusedRequest('invalid_dpop_proof', 'a proof is required')
    return null
  }
  const nonce = nonceAt(clock.now(), behaviour.dpopNonceLifetime)
  const expected = { url: `${issuer}/token`, now: clock.now(), nonce, accessToken: null, seen: records.proofIds }
  return checkProof(request, expected)
}

function nonceHeader({ behaviour, clock }: AuthorizationServerContext): Record<string, string> {
  const nonce = behaviour.dpop === 'none' ? null : nonceAt(clock.now(), behaviour.dpopNonceLifetime)
  return nonce === null ? {} : { 'dpop-nonce': nonce }
}

/** A refresh token takes its whole grant along, an access token goes alone. @see RFC 7009 section 2.1 */
export async function revoke(context: AuthorizationServerContext, request: ReceivedRequest): Promise<Answer> {
  const { records, clock } = context
  const form = new URLSearchParams(request.body)
  try {
    const client = await authenticateClient(context, request, form)
    const value = form.get('token') ?? ''
    const found = records.refreshTokens.get(value) ?? records.accessTokens.get(value)
    if (found && found.grant.clientId === client.clientId) {
      found.revoked = true
      records.note('token.revoked', clock.now(), found.grant)
      if (records.refreshTokens.has(value)) records.end(found.grant, 'revocation', clock.now())
    }
    return { status: 200, body: '' }
  } catch (error) {
    return refusal(context, error, form.get('client_id'))
  }
}
