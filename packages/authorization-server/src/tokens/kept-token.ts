/**
 * What a grant's record keeps of an access token: always for an opaque one, for a JWT only when it opens the props of its grant.
 *
 * Everything but its digest and its end is encrypted under the token itself. Whoever has the database and every key of the app, but not
 * the token, can neither use it nor read what belongs to it.
 */
import { digest, equalInConstantTime, keyRingOfSecret } from '@fastify-mcp-auth/core'
import type { GrantRecord, KeptToken } from '../records.ts'

/** Access tokens of one grant that are good at the same time. A client that fetches more loses the oldest. */
const MAX_KEPT = 20

export interface KeptContent {
  /** Of an opaque token; a JWT says them itself. */
  readonly claims: { readonly [name: string]: unknown } | null
  readonly propsKey: string | null
}

export function keepToken(token: string, expiresAt: number, content: KeptContent): KeptToken {
  return {
    digest: digest(token),
    expiresAt,
    content: keyRingOfSecret(token).seal(JSON.stringify(content), 'access token')
  }
}

/** @returns null when the grant does not know the token (any more) */
export function contentOf(grant: GrantRecord, token: string): (KeptContent & { readonly expiresAt: number }) | null {
  const wanted = digest(token)
  const kept = grant.accessTokens?.find(candidate => equalInConstantTime(candidate.digest, wanted))
  const content = kept && keyRingOfSecret(token).unseal(kept.content, 'access token')
  return kept && content ? { ...(JSON.parse(content) as KeptContent), expiresAt: kept.expiresAt } : null
}

/** The list with one more, without those that have expired. */
export function withToken({ accessTokens }: GrantRecord, added: KeptToken | null, now: number): KeptToken[] | null {
  const live = (accessTokens ?? []).filter(({ expiresAt }) => expiresAt > now).slice(-(MAX_KEPT - 1))
  const kept = added ? [...live, added] : live
  return kept.length === 0 ? null : kept
}
