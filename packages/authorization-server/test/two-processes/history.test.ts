/** The checker must be able to fail: every kind of wrong history is told, and a right one is not. */
import t from 'tap'
import { findViolations, type History, type Observation, type ToldEvent } from './history.ts'

let ticks = 0

/** Something that was seen after everything before it; `during` makes it overlap with that one. */
function seen(
  kind: Observation['kind'],
  presented: string,
  received: string | null,
  { outcome = 'ok', during }: { outcome?: Observation['outcome']; during?: Observation } = {}
): Observation {
  const startedAt = during ? during.startedAt + 0.1 : ++ticks
  const endedAt = during ? during.endedAt - 0.1 : ++ticks
  return { kind, grantId: 'g', presented, received, outcome, body: received ?? '', startedAt, endedAt }
}

const told = (type: string, more: Omit<ToldEvent, 'type'> = {}): ToldEvent => ({ type, grantId: 'g', ...more })
const issuedByCode = () => told('token.issued', { grantType: 'authorization_code' })
const issuedByRefresh = () => told('token.issued', { grantType: 'refresh_token' })
const revoked = (reason: string) => told('grant.revoked', { reason })

/** One grant that lives: consent, code, one refresh. */
function life(): { observations: Observation[]; events: ToldEvent[] } {
  return {
    observations: [
      seen('consent', 'interaction', 'g.code'),
      seen('redeem', 'g.code', 'g.r1'),
      seen('refresh', 'g.r1', 'g.r2')
    ],
    events: [told('grant.created'), issuedByCode(), issuedByRefresh()]
  }
}

function living(observations: Observation[] = [], events: ToldEvent[] = []): History {
  const { observations: before, events: toldBefore } = life()
  return { observations: [...before, ...observations], events: [...toldBefore, ...events] }
}

/** Its parts are made in the order of their time. */
function after(make: () => Observation[], events: ToldEvent[] = []): History {
  const { observations, events: toldBefore } = life()
  return { observations: [...observations, ...make()], events: [...toldBefore, ...events] }
}

t.test('right histories: a life, retries, revocation, theft, a replayed code', async t => {
  t.strictSame(findViolations(living()), [])
  t.strictSame(findViolations(after(() => [seen('refresh', 'g.r1', 'g.r2')])), [], 'a retry gets the same')
  const revocation = after(
    () => [
      seen('revoke', 'g.r2', null),
      seen('refresh', 'g.r2', null, { outcome: 'refused' }),
      seen('introspect', 'g.a', null, { outcome: 'refused' })
    ],
    [revoked('client')]
  )
  t.strictSame(findViolations(revocation), [])
  const theft = after(
    () => [
      seen('refresh', 'g.r2', 'g.r3'),
      seen('refresh', 'g.r1', null, { outcome: 'refused' }),
      seen('refresh', 'g.r3', null, { outcome: 'refused' })
    ],
    [issuedByRefresh(), revoked('refresh_token_reused')]
  )
  t.strictSame(findViolations(theft), [])
  const replay = after(() => [seen('redeem', 'g.code', null, { outcome: 'refused' })], [revoked('code_replayed')])
  t.strictSame(findViolations(replay), [])
})

t.test('right: what overlaps a revocation may succeed or not', async t => {
  const revocation = seen('revoke', 'g.r2', null)
  for (const outcome of ['ok', 'refused'] as const) {
    const refresh = seen('refresh', 'g.r2', outcome === 'ok' ? 'g.r3' : null, { outcome, during: revocation })
    const events = [revoked('client'), ...(outcome === 'ok' ? [issuedByRefresh()] : [])]
    const { observations, events: before } = life()
    const shifted = observations.map(one => ({ ...one, startedAt: one.startedAt - 1e6, endedAt: one.endedAt - 1e6 }))
    t.strictSame(
      findViolations({ observations: [...shifted, revocation, refresh], events: [...before, ...events] }),
      []
    )
  }
})

const wrong: [string, () => History, RegExp][] = [
  [
    'a code that bought tokens twice',
    () => after(() => [seen('redeem', 'g.code', 'g.x')], [issuedByCode()]),
    /one code bought tokens twice/
  ],
  ['a redemption that was told twice', () => living([], [issuedByCode()]), /1 redemptions seen, 2 told/],
  [
    'a refresh token that bought two answers',
    () => after(() => [seen('refresh', 'g.r1', 'g.r2b')]),
    /bought different answers/
  ],
  ['a rotation that nobody saw', () => living([], [issuedByRefresh()]), /1 rotations seen, 2 told/],
  [
    'two tokens with one successor',
    () => after(() => [seen('refresh', 'g.r2', 'g.r2')], [issuedByRefresh()]),
    /two refresh tokens bought the same one/
  ],
  ['a decision that gave two codes', () => after(() => [seen('consent', 'interaction', 'g.code2')]), /several codes/],
  ['a grant that was created twice', () => living([], [told('grant.created')]), /created twice/],
  [
    'a refresh after a revocation',
    () =>
      after(
        () => [seen('revoke', 'g.r2', null), seen('refresh', 'g.r2', 'g.r3')],
        [revoked('client'), issuedByRefresh()]
      ),
    /lost revocation: refresh/
  ],
  [
    'an access token that lives on after a revocation',
    () => after(() => [seen('revoke', 'g.r2', null), seen('introspect', 'g.a', null)], [revoked('client')]),
    /lost revocation: introspect/
  ],
  ['a revocation that was never told', () => after(() => [seen('revoke', 'g.r2', null)]), /never told/],
  [
    'a grant that was revoked twice',
    () => after(() => [seen('revoke', 'g.r2', null)], [revoked('client'), revoked('client')]),
    /revoked twice/
  ],
  [
    'a theft after which the thief goes on',
    () =>
      after(
        () => [
          seen('refresh', 'g.r2', 'g.r3'),
          seen('refresh', 'g.r1', null, { outcome: 'refused' }),
          seen('refresh', 'g.r3', 'g.r4')
        ],
        [issuedByRefresh(), issuedByRefresh(), revoked('refresh_token_reused')]
      ),
    /lost revocation: refresh/
  ],
  [
    'a replayed code whose tokens live on',
    () =>
      after(
        () => [seen('redeem', 'g.code', null, { outcome: 'refused' }), seen('refresh', 'g.r2', 'g.r3')],
        [issuedByRefresh(), revoked('code_replayed')]
      ),
    /lost revocation: refresh/
  ],
  [
    'a good token that is refused',
    () => after(() => [seen('refresh', 'g.r2', null, { outcome: 'refused' })]),
    /dead without a reason: refresh/
  ],
  [
    'an access token that dies alone',
    () => after(() => [seen('introspect', 'g.a', null, { outcome: 'refused' })]),
    /dead without a reason: introspect/
  ],
  [
    'a family that is revoked for a reuse that nobody did',
    () => living([], [revoked('refresh_token_reused')]),
    /which nobody did/
  ],
  ['an answer that is no answer', () => after(() => [seen('refresh', 'g.r2', null, { outcome: 'fault' })]), /fault/]
]

for (const [what, make, words] of wrong)
  t.test(`wrong: ${what}`, async t => {
    const violations = findViolations(make())
    t.ok(
      violations.some(violation => words.test(violation)),
      violations.join('; ')
    )
  })
