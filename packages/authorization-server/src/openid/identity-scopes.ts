/**
 * The scopes of OpenID Connect and what each tells about a person. They belong to no resource: a client learns them for itself, from the
 * userinfo endpoint.
 *
 * @see OpenID Connect Core section 5.4
 */
import type { LocalizedText } from '@fastify-mcp-auth/core/pages'
import type { Options } from '../options.ts'
import type { ScopePolicy } from '../resource-policy.ts'

export const OPENID = 'openid'

type IdentityScope = 'profile' | 'email' | 'address' | 'phone'

const CLAIMS: Record<IdentityScope, readonly string[]> = {
  profile:
    'name family_name given_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo locale updated_at'.split(
      ' '
    ),
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified']
}

/** Every claim that an identity scope can open. Access tokens do not carry them unless a resource asks for it. */
export const IDENTITY_CLAIMS: ReadonlySet<string> = new Set(Object.values(CLAIMS).flat())

/** By scope; empty when OpenID Connect is off. */
export function identityScopes(openid: Options['openid']): Map<string, ScopePolicy> {
  const described = Object.entries(openid?.scopes ?? {}).filter(([, description]) => description !== undefined)
  return new Map(described.map(([scope, description]) => [scope, policyOf(description)]))
}

function policyOf(description: LocalizedText): ScopePolicy {
  return { description, detail: null, tools: [], includes: [], required: false, destructive: false }
}

/** Names of the claims that these scopes open. */
export function claimsOf(scopes: Iterable<string>): string[] {
  return [...scopes].flatMap(scope => (Object.hasOwn(CLAIMS, scope) ? CLAIMS[scope as IdentityScope] : []))
}
