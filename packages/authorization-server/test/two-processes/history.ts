/**
 * What clients saw of several processes, together with what the processes told, and what must hold for it: nothing was issued twice,
 * no revocation was lost, no family died without a reason.
 *
 * Time is a counter of the observer: an observation that ended before another one began happened before it; of those that overlap,
 * nothing is known.
 */

export interface Observation {
  readonly kind: 'consent' | 'redeem' | 'refresh' | 'revoke' | 'introspect'
  readonly grantId: string
  /** The interaction, code or token that was sent. */
  readonly presented: string
  readonly startedAt: number
  readonly endedAt: number
  /** `refused` is a 400; `fault` is everything that is neither success nor that. An inactive token is refused. */
  readonly outcome: 'ok' | 'refused' | 'fault'
  /** The code or refresh token that came back; null for none. */
  readonly received: string | null
  /** The whole answer. */
  readonly body: string
}

export interface ToldEvent {
  readonly type: string
  readonly grantId?: string
  readonly grantType?: string
  readonly reason?: string
}

export interface History {
  readonly observations: readonly Observation[]
  /** Of all processes, in any order. */
  readonly events: readonly ToldEvent[]
}

/** Everything that must not be, in words; empty when all is well. */
export function findViolations({ observations, events }: History): string[] {
  const faults = observations.filter(({ outcome }) => outcome === 'fault')
  const told = groupBy(events, ({ grantId }) => grantId ?? '')
  return [
    ...faults.map(({ kind, grantId, body }) => `${grantId}: fault at ${kind}: ${body.slice(0, 200)}`),
    ...consentsOf(observations),
    ...[...groupBy(observations, ({ grantId }) => grantId)].flatMap(([grantId, seen]) =>
      violationsOfGrant(seen, told.get(grantId) ?? []).map(violation => `${grantId}: ${violation}`)
    )
  ]
}

// One decision is one grant, however often it is sent.
function consentsOf(observations: readonly Observation[]): string[] {
  const consents = observations.filter(({ kind, outcome }) => kind === 'consent' && outcome === 'ok')
  return [...groupBy(consents, ({ presented }) => presented)].flatMap(([, same]) =>
    distinct(same.map(({ received }) => received)) > 1 ? [`${same[0]?.grantId}: one decision, several codes`] : []
  )
}

function violationsOfGrant(seen: readonly Observation[], told: readonly ToldEvent[]): string[] {
  return [...doubleIssues(seen, told), ...lostRevocations(seen, told), ...deadFamilies(seen, told)]
}

function doubleIssues(seen: readonly Observation[], told: readonly ToldEvent[]): string[] {
  const redeemed = seen.filter(({ kind, outcome }) => kind === 'redeem' && outcome === 'ok')
  const refreshed = seen.filter(({ kind, outcome }) => kind === 'refresh' && outcome === 'ok')
  const bySource = [...groupBy(refreshed, ({ presented }) => presented)]
  const created = told.filter(({ type }) => type === 'grant.created')
  const issued = told.filter(({ type }) => type === 'token.issued')
  const byCode = issued.filter(({ grantType }) => grantType === 'authorization_code')
  return [
    ...(redeemed.length > 1 ? ['one code bought tokens twice'] : []),
    ...(created.length > 1 ? ['one grant was created twice'] : []),
    ...(byCode.length !== redeemed.length ? [`${redeemed.length} redemptions seen, ${byCode.length} told`] : []),
    ...bySource.flatMap(([, same]) =>
      distinct(same.map(({ body }) => body)) > 1 ? ['one refresh token bought different answers'] : []
    ),
    ...(distinct(bySource.map(([, [first]]) => first?.received)) < bySource.length
      ? ['two refresh tokens bought the same one']
      : []),
    ...(issued.length - byCode.length !== bySource.length
      ? [`${bySource.length} rotations seen, ${issued.length - byCode.length} told`]
      : [])
  ]
}

function lostRevocations(seen: readonly Observation[], told: readonly ToldEvent[]): string[] {
  const ends = endings(seen)
  const endedAt = Math.min(...ends.filter(({ outcome, kind }) => isFinal(kind, outcome)).map(({ endedAt }) => endedAt))
  const after = seen.filter(
    ({ kind, outcome, startedAt }) => kind !== 'revoke' && outcome === 'ok' && startedAt > endedAt
  )
  const revoked = told.filter(({ type }) => type === 'grant.revoked').length
  return [
    ...after.map(({ kind }) => `lost revocation: ${kind} succeeded after the end of the grant`),
    ...(revoked > 1 ? ['one grant was revoked twice'] : []),
    ...(endedAt < Number.POSITIVE_INFINITY && revoked === 0 ? ['a revocation was answered and never told'] : [])
  ]
}

// A revocation is done when it is answered; a second use when it is refused.
function isFinal(kind: Observation['kind'], outcome: Observation['outcome']): boolean {
  return outcome === (kind === 'revoke' ? 'ok' : 'refused')
}

function deadFamilies(seen: readonly Observation[], told: readonly ToldEvent[]): string[] {
  const ends = endings(seen)
  const firstEnd = Math.min(...ends.map(({ startedAt }) => startedAt))
  const early = seen.filter(
    ({ kind, outcome, endedAt }) => kind !== 'consent' && outcome === 'refused' && endedAt < firstEnd
  )
  const reasons = new Set<string>(ends.map(({ kind }) => REASONS[kind] ?? ''))
  const unfounded = told.filter(({ type, reason = '' }) => type === 'grant.revoked' && !reasons.has(reason))
  return [
    ...early.map(({ kind }) => `dead without a reason: ${kind} was refused`),
    ...unfounded.map(({ reason }) => `revoked as "${reason}", which nobody did`)
  ]
}

const REASONS: { readonly [kind in Observation['kind']]?: string } = {
  revoke: 'client',
  redeem: 'code_replayed',
  refresh: 'refresh_token_reused'
}

/** What may end a grant: a revocation, a code beside or after its first use, a refresh token whose successor was already in use. */
function endings(seen: readonly Observation[]): Observation[] {
  const redeems = seen.filter(({ kind }) => kind === 'redeem').toSorted((a, b) => a.startedAt - b.startedAt)
  // Of uses that overlap, any may be the second.
  const replays = redeems.filter(one => redeems.some(other => other !== one && other.startedAt < one.endedAt))
  const refreshes = seen.filter(({ kind }) => kind === 'refresh')
  const successors = new Map(
    refreshes.flatMap(({ presented, received }) => (received === null ? [] : [[presented, received]]))
  )
  const firstUse = new Map<string, number>()
  for (const { presented, startedAt } of refreshes)
    firstUse.set(presented, Math.min(startedAt, firstUse.get(presented) ?? Number.POSITIVE_INFINITY))
  const stale = refreshes.filter(
    ({ presented, endedAt }) => (firstUse.get(successors.get(presented) ?? '') ?? Number.POSITIVE_INFINITY) < endedAt
  )
  return [...seen.filter(({ kind }) => kind === 'revoke'), ...replays, ...stale]
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}

function distinct(values: readonly unknown[]): number {
  return new Set(values).size
}
