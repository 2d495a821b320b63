import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { settableClock } from '@fastify-mcp-auth/testing'
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { createClientAuthentication } from '../../src/verifiers/client-authentication.ts'

const audience = 'https://issuer.test'
const START = 1_800_000_000

const create = (client: unknown) =>
  createClientAuthentication(client as never, { audience, clock: settableClock(START) })

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const KINDS: [string, { publicKey: KeyObject; privateKey: KeyObject }, readonly string[]][] = [
  ['P-256', ec('P-256'), ['ES256']],
  ['P-384', ec('P-384'), ['ES384']],
  ['P-521', ec('P-521'), ['ES512']],
  ['Ed25519', generateKeyPairSync('ed25519'), ['EdDSA', 'Ed25519']],
  [
    'RSA of 2048 bits',
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
  ]
]

t.test('RFC 7523 3: signs with what the key is for, the usual algorithm first, and with nothing else', async t => {
  const every = KINDS.flatMap(([, , algorithms]) => algorithms)
  for (const [name, { privateKey: key, publicKey }, algorithms] of KINDS)
    for (const algorithm of [undefined, ...every]) {
      const client = algorithm === undefined ? { id: 'rs', key } : { id: 'rs', key, algorithm }
      if (algorithm !== undefined && !algorithms.includes(algorithm)) {
        t.throws(() => create(client), { code: 'FST_OAUTH_OPTION', message: /cannot sign/ }, `${name} ${algorithm}`)
        continue
      }
      const { headers, parameters } = await create(client)()
      t.strictSame(headers, {})
      const { client_assertion: assertion = '', ...rest } = parameters
      t.strictSame(rest, {
        client_id: 'rs',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      })
      t.strictSame(decodeProtectedHeader(assertion), { alg: algorithm ?? algorithms[0] })
      await jwtVerify(assertion, publicKey, { audience, currentDate: new Date(START * 1000) })
    }
})

t.test('RFC 7523 3: the assertion says who, for whom, for a minute, and is another one each time', async t => {
  const [, { privateKey: key }] = KINDS[0] as (typeof KINDS)[0]
  const authenticate = create({ id: 'rs', key, kid: 'k1' })
  const [one, two] = [await authenticate(), await authenticate()].map(
    ({ parameters }) => parameters['client_assertion'] ?? ''
  )
  const { jti, ...claims } = decodeJwt(one ?? '')
  t.strictSame(claims, { iss: 'rs', sub: 'rs', aud: audience, iat: START, exp: START + 60 })
  t.not(jti, decodeJwt(two ?? '').jti)
  t.strictSame(decodeProtectedHeader(one ?? ''), { alg: 'ES256', kid: 'k1' })
})

t.test('RFC 6749 2.3.1: a secret goes into the header, form-encoded, or into the form, and not into both', async t => {
  t.strictSame(await create({ id: 'a:b', secret: 'c d+é' })(), {
    headers: { authorization: `Basic ${Buffer.from('a%3Ab:c+d%2B%C3%A9').toString('base64')}` },
    parameters: {}
  })
  t.strictSame(await create({ id: 'a:b', secret: 'c d', method: 'client_secret_post' })(), {
    headers: {},
    parameters: { client_id: 'a:b', client_secret: 'c d' }
  })
})

t.test('a client that cannot work stops the boot, and nothing secret is told', t => {
  const { privateKey, publicKey } = ec('P-256')
  const wrong: [unknown, RegExp][] = [
    [undefined, /"id"/],
    [null, /"id"/],
    [{}, /"id"/],
    [{ id: '', secret: 's3cret' }, /"id"/],
    [{ id: 7, secret: 's3cret' }, /"id"/],
    [{ id: 'rs' }, /"secret" or a "key"/],
    [{ id: 'rs', secret: '' }, /"secret" or a "key"/],
    [{ id: 'rs', secret: 7 }, /"secret" or a "key"/],
    [{ id: 'rs', secret: 's3cret', method: 'none' }, /"method"/],
    [{ id: 'rs', secret: 's3cret', kid: 'a' }, /"kid"/],
    [{ id: 'rs', key: privateKey, method: 'client_secret_post' }, /"method"/],
    [{ id: 'rs', key: publicKey }, /not a private key/],
    [{ id: 'rs', key: publicKey.export({ format: 'jwk' }) }, /not a private key/],
    [{ id: 'rs', key: 's3cret' }, /not a private key/],
    [{ id: 'rs', key: null }, /not a private key/],
    [{ id: 'rs', key: generateKeyPairSync('rsa', { modulusLength: 2040 }).privateKey }, /cannot sign/],
    [{ id: 'rs', key: generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey }, /cannot sign/],
    [{ id: 'rs', key: generateKeyPairSync('x25519').privateKey }, /cannot sign/],
    [{ id: 'rs', key: ec('secp256k1').privateKey }, /cannot sign/]
  ]
  for (const [client, message] of wrong)
    t.throws(() => create(client), { code: 'FST_OAUTH_OPTION', message }, String(message))
  for (const [client] of wrong) t.throws(() => create(client), { message: /^(?!.*s3cret)/ })
  t.end()
})
