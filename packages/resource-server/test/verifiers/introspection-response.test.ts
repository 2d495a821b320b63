import t from 'tap'
import { readIntrospection } from '../../src/verifiers/introspection-response.ts'
import { reasonOf } from '../app.ts'

const now = 1_800_000_000
const issuer = 'https://issuer.test'
const good = {
  active: true,
  iss: issuer,
  sub: 'alice',
  client_id: 'web',
  aud: 'https://r.test',
  scope: 'a b',
  exp: now + 60
}

const read = (more: object, expected: { issuer?: string } = { issuer }) =>
  readIntrospection({ ...good, ...more }, { issuer: expected.issuer, fallback: 'https://fallback.test', now })

t.test('RFC 7662 2.2: a member that is there has to be of its type and of this issuer', async t => {
  const wrong: [string, readonly unknown[], string][] = [
    ['active', [undefined, null, false, 'true', 1, [true]], 'inactive'],
    ['iss', [null, '', 7, [issuer], 'https://other.test', `${issuer}/`], 'issuer'],
    ['token_type', [null, '', 'mac', 'DPoP', 'bearers', 'xbearer', 'access_token2', 'xaccess_token', 7], 'token_type'],
    ['exp', [null, '1', Number.POSITIVE_INFINITY, true], 'claim_exp'],
    ['nbf', [null, '1', Number.NaN, true], 'claim_nbf'],
    ['exp', [now, now - 1, 0], 'expired'],
    ['sub', ['', 7, ['alice']], 'claim_sub'],
    ['client_id', ['', 7, ['web']], 'claim_client_id'],
    ['scope', [null, 7, ['a'], 'a"b', 'a \u00e9'], 'claim_scope'],
    ['aud', [null, '', 7, [7], ['https://r.test', '']], 'claim_aud']
  ]
  for (const [name, values, reason] of wrong)
    for (const value of values)
      t.equal(await reasonOf(() => read({ [name]: value })), reason, `${name} ${JSON.stringify(value)}`)
})

t.test('RFC 7662 2.2: every member arrives where it belongs, and what is missing is narrow', t => {
  t.strictSame(read({ org_id: 'o' }), {
    subject: 'alice',
    clientId: 'web',
    scopes: ['a', 'b'],
    issuer,
    audience: ['https://r.test'],
    expiresAt: now + 60,
    organization: 'o',
    claims: { ...good, org_id: 'o' }
  })
  const missing = { iss: undefined, aud: undefined, scope: undefined, exp: undefined, org_id: 7 }
  t.match(read(missing), { issuer: 'https://fallback.test' })
  const { scopes, audience, expiresAt, organization } = read(missing)
  t.strictSame([scopes, audience, expiresAt, organization], [[], [], null, null])
  t.strictSame(read({ scope: ' b  a b ', aud: ['x', 'y'] }).scopes, ['b', 'a'])
  t.strictSame(read({ aud: ['x', 'y'] }).audience, ['x', 'y'])
  t.strictSame(read({ scope: '' }).scopes, [])
  for (const token_type of ['Bearer', 'bearer', 'access_token', undefined])
    t.equal(read({ token_type }).subject, 'alice', String(token_type))
  t.equal(read({ nbf: now + 1000 }).subject, 'alice', 'the issuer has looked at its own clock')
  t.equal(read({ iss: 'https://any.test' }, {}).issuer, 'https://any.test', 'no issuer is configured')
  t.end()
})

t.test('RFC 7662 2.2: a client is its own subject, and a subject its own client', async t => {
  t.match(read({ sub: undefined }), { subject: 'web', clientId: 'web' })
  t.match(read({ client_id: null }), { subject: 'alice', clientId: 'alice' })
  t.equal(await reasonOf(() => read({ sub: undefined, client_id: undefined })), 'claim_sub')
})
