import { OAuthError } from '@fastify-mcp-auth/core'
import t from 'tap'
import { assertAccessToken, type Profile, readClaims } from '../../src/verifiers/profile.ts'
import { reasonOf } from '../app.ts'

const claims = {
  iss: 'https://a.test',
  sub: 'alice',
  aud: 'https://r.test',
  exp: 1_800_000_000,
  iat: 1_700_000_000,
  jti: 'j',
  client_id: 'web'
}
const PROFILES: readonly Profile[] = ['rfc9068', 'lenient']

const typeOf = (header: object, more: object, profile: Profile = 'lenient') =>
  reasonOf(() =>
    assertAccessToken(
      { header: { ...header }, encodedHeader: '', claims: { ...claims, ...more }, content: '', signature: '' },
      profile
    )
  )

t.test('RFC 8725 3.11: a type that is no text is no type, whatever it would read like', async t => {
  for (const profile of PROFILES) {
    for (const typ of [['at+jwt'], ['JWT'], null, 7, true, {}, 'at+jwt+x', 'x/at+jwt', 'xat+jwt', 'JWTs', 'aJWT', ''])
      t.equal(await typeOf({ typ }, {}, profile), 'type', `${profile}: ${JSON.stringify(typ)}`)
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt']) t.equal(await typeOf({ typ }, {}, profile), undefined)
  }
  for (const typ of ['JWT', undefined]) t.equal(await typeOf({ typ }, {}, 'rfc9068'), 'type')
  for (const typ of ['JWT', 'jwt', 'application/jwt', undefined]) t.equal(await typeOf({ typ }, {}), undefined)
})

t.test('RS-5: what an issuer says of a token counts before what it looks like', async t => {
  for (const said of [{ token_use: 'access' }, { typ: 'Bearer' }, { typ: 'bearer' }])
    t.equal(await typeOf({ typ: 'JWT' }, { ...said, nonce: 'n' }), undefined, JSON.stringify(said))
  for (const mark of ['nonce', 'at_hash', 'c_hash', 's_hash'])
    t.equal(await typeOf({ typ: 'JWT' }, { [mark]: undefined }), 'id_token', mark)
  t.equal(await typeOf({ typ: 'JWT' }, { typ: 'at+jwt' }), undefined)
  for (const other of [
    { token_use: 'access', events: {} },
    { typ: 7 },
    { token_use: 7 },
    { typ: 'Bearer', token_use: 'refresh' }
  ])
    t.equal(await typeOf({ typ: 'JWT' }, other), 'type', JSON.stringify(other))
})

t.test('RFC 9068 2.2: every claim arrives where it belongs', async t => {
  const more = { ...claims, scope: 'a b', org_id: 'o', aud: ['https://r.test', 'https://s.test'] }
  const expected = {
    subject: 'alice',
    clientId: 'web',
    scopes: ['a', 'b'],
    issuer: 'https://a.test',
    audience: ['https://r.test', 'https://s.test'],
    expiresAt: 1_800_000_000,
    organization: 'o',
    claims: more
  }
  for (const profile of PROFILES) {
    t.strictSame(readClaims(more, profile, undefined), expected, profile)
    t.strictSame(
      readClaims(more, profile, () => ['m']),
      { ...expected, scopes: ['m'] },
      `${profile}, mapped`
    )
    t.strictSame(readClaims(claims, profile, undefined).audience, ['https://r.test'])
    for (const org_id of [undefined, null, 7, ['o']])
      t.equal(readClaims({ ...claims, org_id }, profile, undefined).organization, null)
  }
})

t.test('RFC 9068 2.2: a claim that is missing or of another type is named', async t => {
  const wrong: Record<string, readonly unknown[]> = {
    iss: [undefined, null, '', 7, ['https://a.test']],
    sub: [undefined, null, '', 7, {}],
    client_id: [undefined, '', 7, ['web']],
    exp: [undefined, null, '1800000000', Number.POSITIVE_INFINITY, Number.NaN, true, [1]],
    iat: [null, '1', Number.POSITIVE_INFINITY],
    nbf: [null, '1', true],
    auth_time: [null, '1', true],
    aud: [undefined, null, '', 7, [], [''], [7], ['https://r.test', 7], { length: 1 }],
    scope: [7, { length: 0 }, 'a"b']
  }
  for (const profile of PROFILES)
    for (const [name, values] of Object.entries(wrong))
      for (const value of values)
        t.equal(
          await reasonOf(() => readClaims({ ...claims, [name]: value }, profile, undefined)),
          `claim_${name}`,
          `${profile}: ${name} ${JSON.stringify(value)}`
        )
  t.equal(await reasonOf(() => readClaims({ ...claims, jti: undefined }, 'rfc9068', undefined)), 'claim_jti')
  t.equal(await reasonOf(() => readClaims({ ...claims, jti: 7 }, 'rfc9068', undefined)), 'claim_jti')
})

t.test('RFC 9068 6: the client of older issuers, by the first claim that has one', async t => {
  const read = (more: object) => readClaims({ ...claims, client_id: undefined, ...more }, 'lenient', undefined).clientId
  t.equal(read({ azp: 'a', cid: 'c', appid: 'd' }), 'a')
  t.equal(read({ client_id: null, azp: 'a' }), 'a')
  t.equal(read({ azp: null, cid: 'c', appid: 'd' }), 'c')
  t.equal(read({ appid: 'd' }), 'd')
  t.equal(await reasonOf(() => read({ client_id: '', azp: 'a' })), 'claim_client_id')
})

t.test('RFC 6749 3.3: scopes from text, from a list, from both, and at most a hundred', async t => {
  const scopes = (more: object) => readClaims({ ...claims, ...more }, 'lenient', undefined).scopes
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `s${index}`)
  t.strictSame(scopes({ scope: ' a  b ', scp: ['b', 'c'] }), ['a', 'b', 'c'])
  t.strictSame(scopes({ scope: null }), [])
  t.equal(scopes({ scp: many(100) }).length, 100)
  t.equal(await reasonOf(() => scopes({ scp: many(101) })), 'claim_scp')
  for (const scp of [7, { length: 0 }, [7], ['a b'], [''], [['a']]])
    t.equal(await reasonOf(() => scopes({ scp })), 'claim_scp', JSON.stringify(scp))
})

t.test('mapScopes: what it throws and what it gives cannot become an outage or a right', async t => {
  const mapping = (mapScopes: () => unknown) =>
    reasonOf(() => readClaims(claims, 'rfc9068', mapScopes as () => string[]))
  for (const given of [undefined, null, 'a', 7, {}, { length: 0, every: () => true }, [7], ['a b'], ['']])
    t.equal(await mapping(() => given), 'map_scopes', JSON.stringify(given))
  const fail = (error: Error) => () => {
    throw error
  }
  t.equal(await mapping(fail(new TypeError('claims'))), 'map_scopes')
  t.equal(await mapping(fail(new OAuthError('invalid_token', 'tenant', { reason: 'tenant' }))), 'tenant')
  const own = ['a']
  const mapped = readClaims(claims, 'rfc9068', () => own)
  t.not(mapped.scopes, own, 'a copy')
})
