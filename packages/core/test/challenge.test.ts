import fc from 'fast-check'
import t from 'tap'
import { formatChallenge, parseChallenges } from '../src/challenge.ts'

const plain = (header: string): unknown => JSON.parse(JSON.stringify(parseChallenges(header)))

t.test('RFC 6750 3: a challenge as we write it', async t => {
  t.equal(formatChallenge('Bearer', {}), 'Bearer')
  t.equal(
    formatChallenge('Bearer', { error: 'invalid_token', scope: undefined, resource_metadata: 'https://a/b' }),
    'Bearer error="invalid_token", resource_metadata="https://a/b"'
  )
})

t.test('RFC 9110 5.6.4: no value ends its quotes or its line', async t => {
  const header = formatChallenge('Bearer', { error_description: 'a", error="x\\", b="\r\nSet-Cookie: a=b\u0000\u00e9' })
  t.notMatch(header, /[^\x20-\x7E]/)
  t.strictSame(Object.keys(parseChallenges(header)[0]?.params ?? {}), ['error_description'])
})

t.test('formatChallenge: names that are no tokens are a mistake of the code', async t => {
  t.throws(() => formatChallenge('Bearer x', {}), TypeError)
  t.throws(() => formatChallenge('', {}), TypeError)
  t.throws(() => formatChallenge('Bearer', { 'a="b", c': 'x' }), TypeError)
})

t.test('RFC 9110 11.6.1: challenges as servers write them', async t => {
  const table: [string, unknown][] = [
    ['', []],
    ['Bearer', [{ scheme: 'Bearer', params: {} }]],
    ['bearer ERROR=invalid_token', [{ scheme: 'bearer', params: { error: 'invalid_token' } }]],
    ['Bearer a="b" c=d', [{ scheme: 'Bearer', params: { a: 'b', c: 'd' } }]],
    ['Bearer a = "b" , c="d,e=f"', [{ scheme: 'Bearer', params: { a: 'b', c: 'd,e=f' } }]],
    ['Bearer a="b\\"c\\\\d"', [{ scheme: 'Bearer', params: { a: 'b"c\\d' } }]],
    [
      'Bearer realm="x", DPoP algs="ES256", Basic',
      [
        { scheme: 'Bearer', params: { realm: 'x' } },
        { scheme: 'DPoP', params: { algs: 'ES256' } },
        { scheme: 'Basic', params: {} }
      ]
    ],
    [
      'Negotiate YIIabc==, Bearer a=b',
      [
        { scheme: 'Negotiate', params: {} },
        { scheme: 'Bearer', params: { a: 'b' } }
      ]
    ],
    ['Negotiate YIIabc', [{ scheme: 'Negotiate', params: {} }]],
    [', ,Bearer a=b,,', [{ scheme: 'Bearer', params: { a: 'b' } }]],
    ['Bearer a="1", a="2", A="3"', [{ scheme: 'Bearer', params: { a: '1' } }]]
  ]
  for (const [header, expected] of table) t.strictSame(plain(header), expected, header)
})

t.test('parseChallenges: malformed text ends the reading', async t => {
  t.strictSame(plain('Bearer a="b'), [{ scheme: 'Bearer', params: {} }])
  t.strictSame(plain('Bearer a=b "'), [{ scheme: 'Bearer', params: { a: 'b' } }])
  t.strictSame(plain('a="b"'), [])
  t.strictSame(plain('"Bearer"'), [])
  t.strictSame(plain('\u0000'), [])
})

t.test('parseChallenges: parameter names of Object.prototype are only names', async t => {
  const [challenge] = parseChallenges('Bearer __proto__="x", constructor="y"')
  t.equal(Object.entries(challenge?.params ?? {}).find(([name]) => name === '__proto__')?.[1], 'x')
  t.equal(challenge?.params['constructor'], 'y')
  t.equal(challenge?.params['toString'], undefined)
  t.equal(({} as Record<string, unknown>)['x'], undefined)
})

t.test('parseChallenges: a huge header is read up to its bound', async t => {
  t.equal(parseChallenges('a,'.repeat(1_000_000)).length, 8192)
  t.equal(parseChallenges(`Bearer a="${'\\"'.repeat(1_000_000)}`).length, 1)
})

t.test('challenges: what is written is read back, several in a row', async t => {
  const name = fc.stringMatching(/^[a-z_]{1,10}$/)
  const params = fc.dictionary(name, fc.stringMatching(/^[\x20-\x7E]{0,20}$/), { maxKeys: 4 })
  const challenge = fc.record({ scheme: fc.constantFrom('Bearer', 'DPoP', 'Basic'), params })
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 3 }), challenges => {
      const header = challenges.map(({ scheme, params }) => formatChallenge(scheme, params)).join(', ')
      const read = parseChallenges(header).map(({ scheme, params }) => [scheme, Object.entries(params).sort()])
      const meant = challenges.map(({ scheme, params }) => [scheme, Object.entries(params).sort()])
      return JSON.stringify(read) === JSON.stringify(meant)
    })
  )
  t.pass('held')
})

t.test('parseChallenges: never throws, and never makes up a scheme', async t => {
  const noise = fc.string({
    unit: fc.constantFrom('a', 'B', '=', '"', '\\', ',', ' ', '\t', '\n', '\u00e9'),
    maxLength: 40
  })
  fc.assert(
    fc.property(noise, header =>
      parseChallenges(header).every(({ scheme }) => scheme !== '' && header.includes(scheme))
    )
  )
  t.pass('held')
})
