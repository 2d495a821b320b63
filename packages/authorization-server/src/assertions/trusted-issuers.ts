/**
 * Whose assertions count: identity providers that speak for people, and platforms that speak for workloads. Two lists, because to trust one
 * with the one is not to trust it with the other.
 *
 * @see RFC 7523 section 3, draft-ietf-oauth-identity-assertion-authz-grant section 4.4
 */
import {
  type Clock,
  createJwksSource,
  createSafeFetch,
  createStaticJwks,
  discoverMetadata,
  type JwksSource,
  OAuthError,
  type SafeFetch,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import type { ServerContext } from '../context.ts'
import type { IdentityProvider, Options, WorkloadIssuer } from '../options.ts'
import { type AssertionRules, readAssertion, useOnce } from './assertion.ts'

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** An issuer of the options, with its keys. */
export interface Trusted<Definition> {
  readonly definition: Definition
  readonly keys: JwksSource
}

/** By `iss`, compared character by character. */
export interface TrustedIssuers {
  readonly identityProviders: ReadonlyMap<string, Trusted<IdentityProvider>>
  readonly workloadIssuers: ReadonlyMap<string, Trusted<WorkloadIssuer>>
}

/** Fetches nothing yet. */
export function createTrustedIssuers({ jwtBearer, fetch }: Options, clock: Clock): TrustedIssuers {
  const { identityProviders = [], workloadIssuers = [] } = jwtBearer ?? {}
  // The operator chose them: they may be in a network of their own.
  const guarded = fetch ?? createSafeFetch({ addresses: 'any' })
  const known = <D extends KeyOwner>(definition: D): [string, Trusted<D>] => [
    definition.issuer,
    { definition, keys: keysOf(definition, guarded, clock) }
  ]
  return {
    identityProviders: new Map(identityProviders.map(known)),
    workloadIssuers: new Map(workloadIssuers.map(known))
  }
}

type KeyOwner = Pick<IdentityProvider, 'issuer' | 'jwksUri' | 'jwks'>

function keysOf({ issuer, jwksUri, jwks }: KeyOwner, fetch: SafeFetch, clock: Clock): JwksSource {
  if (jwks !== undefined) return createStaticJwks(jwks)
  return createJwksSource({ uri: jwksUri ?? (() => discoverKeys(issuer, fetch)), fetch, clock })
}

async function discoverKeys(issuer: string, fetch: SafeFetch): Promise<string> {
  const { jwks_uri: uri } = await discoverMetadata(issuer, fetch)
  if (uri === undefined) throw new UnavailableError(`the metadata of ${issuer} names no jwks_uri`)
  return uri
}

const ID_JAG_TYPE = /^(?:application\/)?oauth-id-jag\+jwt$/i

/** Whether it says that it is an identity assertion grant. Proves nothing. */
export function saysIdJag(assertion: string): boolean {
  try {
    return ID_JAG_TYPE.test(decodeProtectedHeader(assertion).typ ?? '')
  } catch {
    return false
  }
}

/** The refusal of an assertion. It does not say which rule it was: that is for the log. */
export function refusedAssertion(reason: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_grant', 'assertion is not acceptable', { reason, cause })
}

/**
 * An identity assertion grant of an identity provider of the options.
 *
 * @throws OAuthError `invalid_grant`
 * @throws UnavailableError when its keys cannot be had
 */
export async function readIdJag(server: ServerContext, assertion: string): Promise<Vouched<IdentityProvider>> {
  const trusted = trustedFor(server.trustedIssuers.identityProviders, assertion)
  const claims = await verify(server, trusted, {
    assertion,
    type: ID_JAG_TYPE,
    audiences: [server.issuer],
    claims: ['sub', 'iat', 'client_id', 'resource']
  })
  return { trusted: trusted.definition, claims }
}

// SPIFFE allows JOSE as well. Access tokens and the like have types of their own, and are none of these.
const WORKLOAD_TYPE = /^(?:(?:application\/)?jwt|jose)?$/i

/**
 * What a platform says about one of its workloads.
 *
 * @param tokenEndpoint the other name by which it may call this server
 * @throws OAuthError `invalid_grant`
 * @throws UnavailableError when its keys cannot be had
 */
export async function readWorkloadAssertion(
  server: ServerContext,
  { assertion, tokenEndpoint }: { assertion: string; tokenEndpoint: string }
): Promise<Vouched<WorkloadIssuer>> {
  const trusted = trustedFor(server.trustedIssuers.workloadIssuers, assertion)
  const claims = await verify(server, trusted, {
    assertion,
    type: WORKLOAD_TYPE,
    audiences: [server.issuer, tokenEndpoint],
    claims: ['sub', 'iat']
  })
  return { trusted: trusted.definition, claims }
}

/** An assertion that was verified, and who made it. */
export interface Vouched<Definition> {
  readonly trusted: Definition
  readonly claims: JWTPayload & { readonly iss: string; readonly sub: string }
}

function trustedFor<D>(issuers: ReadonlyMap<string, Trusted<D>>, assertion: string): Trusted<D> {
  const trusted = issuers.get(claimedIssuer(assertion))
  if (!trusted) throw refusedAssertion('untrusted_issuer')
  return trusted
}

function claimedIssuer(assertion: string): string {
  try {
    const { iss } = decodeJwt(assertion)
    if (typeof iss === 'string') return iss
  } catch {
    // Falls through to the same answer.
  }
  throw refusedAssertion('assertion_malformed')
}

async function verify<D extends KeyOwner>(
  server: ServerContext,
  { definition: { issuer }, keys }: Trusted<D>,
  { assertion, ...rules }: { assertion: string } & Pick<AssertionRules, 'type' | 'audiences' | 'claims'>
): Promise<Vouched<D>['claims']> {
  const claims = await readAssertion(server, assertion, { ...rules, keys, issuer, refused: refusedAssertion })
  const { sub } = claims
  if (typeof sub !== 'string' || sub === '') throw refusedAssertion('assertion_subject')
  return { ...claims, iss: issuer, sub }
}

/** @throws OAuthError `invalid_grant` when it was used before, in whichever process; UnavailableError */
export function useAssertionOnce(server: ServerContext, claims: Vouched<unknown>['claims']): Promise<void> {
  // Three words: a client may have the URL of an issuer for its client_id, and must not use up what is not its own.
  return useOnce(server, claims, { maker: ['assertion', claims.iss], refused: refusedAssertion })
}
