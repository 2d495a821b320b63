import { randomBytes } from 'node:crypto'
import { createTestIssuer } from '@fastify-mcp-auth/testing'
import { SignJWT } from 'jose'
import t from 'tap'
import { hmac, introspection, jwt } from '../../src/index.ts'
import { RESOURCE, reasonOf } from '../app.ts'

const issuer = 'https://issuer.test'
const context = { resource: RESOURCE, request: null }
const secret = randomBytes(64)
const client = { id: 'rs', secret: 's3cret' }

type Options = Record<string, unknown>

/** Of `jwt()` and `hmac()` alike. */
const OF_TOKENS: [string, readonly unknown[], readonly unknown[]][] = [
  ['clockTolerance', [-1, 301, 1.5, '5'], [0, 300]],
  ['requiredClaims', ['tid', [''], [7]], [[], ['tid']]],
  ['profile', ['none', 7], ['rfc9068', 'lenient']],
  ['algorithms', [[], 'HS256', [7], ['none']], []],
  ['mapScopes', ['x', {}], [() => []]],
  ['clock', [{}, 'now', { now: 7 }], [{ now: () => 0 }]],
  ['cache', [true, { maxEntries: 1 }, { ttl: 5 }], [false, {}, { maxTtl: 5 }]],
  ['audience', ['https://r.test'], []]
]

const CALLABLE: [string, readonly unknown[], readonly unknown[]][] = [['fetch', ['x', {}], [async () => undefined]]]

const OF_JWT: typeof OF_TOKENS = [
  ...OF_TOKENS,
  ...CALLABLE,
  ['algorithms', [['HS256']], [['ES256'], ['EdDSA', 'PS512']]],
  ['jwksUri', ['', 'file:///etc/passwd', 'xhttps://issuer.test'], ['https://issuer.test/jwks']],
  ['issuer', ['', 7, 'http://issuer.test', undefined], ['https://other.test']]
]

const uri = 'https://issuer.test/jwks'
const OF_SEVERAL: typeof OF_TOKENS = [
  [
    'issuers',
    [
      [],
      [7],
      [{}],
      [{ issuer: '' }],
      [{ issuer, name: 'x' }],
      [{ issuer, jwksUri: 'file:///etc/passwd' }],
      [{ issuer, jwksUri: `x${uri}` }],
      [issuer, issuer]
    ],
    [[{ issuer }], [{ issuer, jwksUri: uri }], [issuer, 'https://other.test']]
  ],
  ['jwksUri', [uri], []],
  ['jwks', [{ keys: [] }], []],
  ['issuer', [issuer], []]
]

const OF_HMAC: typeof OF_TOKENS = [
  ...OF_TOKENS,
  ['algorithms', [['ES256'], ['HS224']], [['HS256', 'HS384', 'HS512']]],
  ['issuer', ['', 7, 'http://issuer.test', undefined], ['https://other.test']],
  ['fetch', [async () => undefined], []]
]

const OF_INTROSPECTION: typeof OF_TOKENS = [
  ...CALLABLE,
  ['clock', [{}, 'now', { now: 7 }], [{ now: () => 0 }]],
  ['cacheTtl', [-1, 3601, 0.5], [0, 3600]],
  ['timeout', [0, 61, 1.5], [1, 60]],
  ['maxFailures', [0, 1001, 1.5], [1, 1000]],
  ['cooldown', [0, 301, 1.5], [1, 300]],
  ['issuer', ['', 7], ['https://other.test']],
  ['endpoint', ['', 7, 'ftp://issuer.test/i'], ['https://issuer.test/i', 'http://127.0.0.1:1/i']],
  [
    'signedResponses',
    [{ algorithms: [] }, { algorithms: ['HS256'] }, { keys: [] }, { jwksUri: 'file:///x' }, { jwksUri: 'xhttps://a' }],
    [{}, { algorithms: ['ES256'] }]
  ],
  ['scope', ['a'], []]
]

const VERIFIERS: [string, (options: Options) => unknown, Options, typeof OF_TOKENS][] = [
  ['jwt', options => jwt(options as never), { issuer }, OF_JWT],
  ['jwt, several issuers', options => jwt(options as never), { issuers: [issuer] }, OF_SEVERAL],
  ['hmac', options => hmac(options as never), { issuer, secret }, OF_HMAC],
  ['introspection', options => introspection(options as never), { issuer, client }, OF_INTROSPECTION]
]

for (const [name, create, base, cases] of VERIFIERS)
  t.test(`${name}: an option out of its bounds stops the boot and is named, one within them does not`, t => {
    t.doesNotThrow(() => create(base))
    for (const [option, wrong, right] of cases) {
      for (const value of wrong)
        t.throws(
          () => create({ ...base, [option]: value }),
          { code: 'FST_OAUTH_OPTION', message: new RegExp(`^${name.split(',')[0]}.*${option}|^issuer|"issuer"`) },
          `${option} ${JSON.stringify(value)}`
        )
      for (const value of right)
        t.doesNotThrow(() => create({ ...base, [option]: value }), `${option} ${JSON.stringify(value)}`)
    }
    t.end()
  })

t.test('hmac: what it says about itself, and its defaults', async t => {
  const verifier = hmac({ issuer, secret })
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, sub: 'alice', aud: RESOURCE, exp: now + 60, iat: now, jti: 'j', client_id: 'c' }
  const sign = (header: object, content: object = {}) =>
    new SignJWT({ ...claims, ...content }).setProtectedHeader({ alg: 'HS256', ...header }).sign(secret)
  const token = await sign({ typ: 'at+jwt' })
  t.strictSame([verifier.issuers, verifier.checksSyntax], [[issuer], true])
  t.strictSame([verifier.accepts?.(token), verifier.accepts?.('opaque')], [true, false])
  t.equal(verifier.accepts?.(await sign({ typ: 'at+jwt' }, { iss: 'https://other.test' })), false)
  t.equal(verifier.accepts?.(await sign({ typ: 'at+jwt', alg: 'HS512' })), false)
  const plain = await sign({ typ: 'JWT' })
  t.equal(await reasonOf(() => verifier.verify(plain, context)), 'type', 'rfc9068')
  t.match(await hmac({ issuer, secret, profile: 'lenient' }).verify(plain, context), { subject: 'alice' })
})

t.test('jwt: what it says about itself, and which algorithms it takes by itself', async t => {
  const testIssuer = await createTestIssuer({ issuer })
  const verifier = jwt({ issuer, jwks: await testIssuer.jwks() })
  t.strictSame([verifier.issuers, verifier.checksSyntax], [[issuer], true])
  const token = await testIssuer.mint({ resource: RESOURCE })
  t.strictSame([verifier.accepts?.(token), verifier.accepts?.('opaque')], [true, false])
  t.strictSame(verifier.health?.(), [{ dependency: 'jwks', issuer, state: 'up', age: null }])
  t.match(await verifier.verify(token, context), { subject: 'alice' })
})

t.test('introspection: where the keys of signed answers come from, and what is told of it', async t => {
  const { keys } = await (await createTestIssuer({ issuer })).jwks()
  const fetched: string[] = []
  const fetch = async (url: string) => {
    fetched.push(url)
    const body = url.includes('.well-known') ? { issuer, jwks_uri: `${issuer}/found` } : { keys }
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) }
  }
  const endpoint = `${issuer}/introspect`
  const of = (more: Options) => introspection({ client, fetch, ...more } as never)
  const told = async (more: Options): Promise<unknown> => {
    fetched.length = 0
    const verifier = of(more)
    await verifier.prepare?.()
    return [fetched, verifier.health?.().map(({ dependency, state }) => `${dependency} ${state}`)]
  }
  const well = `${issuer}/.well-known/oauth-authorization-server`
  t.strictSame(await told({ issuer, endpoint }), [[], ['introspection unknown']])
  t.strictSame(await told({ issuer }), [[], ['introspection unknown', 'discovery unknown']])
  t.strictSame(await told({ issuer, endpoint, signedResponses: {} }), [
    [well, `${issuer}/found`],
    ['introspection unknown', 'jwks up', 'discovery up']
  ])
  t.strictSame(await told({ issuer, endpoint, signedResponses: { jwksUri: `${issuer}/mine` } }), [
    [`${issuer}/mine`],
    ['introspection unknown', 'jwks up']
  ])
  t.strictSame(await told({ issuer, endpoint, signedResponses: { jwks: { keys } } }), [
    [],
    ['introspection unknown', 'jwks up']
  ])
  t.strictSame([of({ issuer }).issuers, of({ endpoint }).issuers], [[issuer], []])
  t.throws(() => of({ issuer, signedResponses: { jwks: { keys }, jwksUri: `${issuer}/mine` } }), /exclude each other/)
  t.throws(() => of({}), /"issuer" is missing/)
})
