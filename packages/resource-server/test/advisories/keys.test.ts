import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import fc from 'fast-check'
import { exportJWK } from 'jose'
import t, { type Test } from 'tap'
import { jwt, type Verifier } from '../../src/index.ts'
import { createApp, RESOURCE, reasonOf } from '../app.ts'
import { bareJwks, CLAIMS, ec, forge, ISSUER, NOW, rsa } from './forgery.ts'

const context = { resource: RESOURCE, request: null }
const clock = settableClock(NOW)

async function createVerifier(algorithms = ['ES256', 'RS256']): Promise<Verifier> {
  return jwt({ issuer: ISSUER, jwks: await bareJwks(), algorithms, clock })
}

/** Through the whole plugin: 401, and the handler is not reached. */
async function refusesAll(t: Test, tokens: readonly (readonly [name: string, token: string])[]): Promise<void> {
  let calls = 0
  const { app } = await createApp(t, {
    options: { verify: await createVerifier(), clock },
    routes: app => void app.get('/x', { config: { mcpAuth: {} } }, async () => ++calls)
  })
  for (const [name, token] of tokens) {
    const response = await app.inject({ url: '/x', headers: { authorization: `Bearer ${token}` } })
    t.equal(response.statusCode, 401, name)
    t.match(response.headers['www-authenticate'], 'error="invalid_token"', name)
  }
  t.equal(calls, 0)
  const good = await app.inject({ url: '/x', headers: { authorization: `Bearer ${forge({})}` } })
  t.equal(good.statusCode, 200, 'what they were made from is good')
}

t.test('CVE-2023-48223, CVE-2026-34950, GHSA-mvf2-f6gm-w987, GHSA-ww5h-9m49-7xx4: HS256 with a public key', async t => {
  const tokens = [rsa, ec].flatMap(({ publicKey }, index) => {
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const secrets = [
      pem,
      `\n${pem}`,
      `\uFEFF${pem}`,
      `# comment\n${pem}`,
      pem.trim(),
      publicKey.export({ type: 'spki', format: 'der' })
    ]
    return secrets.map((secret, which) => {
      const header = { alg: 'HS256', kid: index === 0 ? 'rsa' : 'ec' }
      return [`secret ${index}.${which}`, forge(header, {}, secret)] as const
    })
  })
  await refusesAll(t, tokens)
})

t.test('GHSA-g3jj-5cmm-3hxx, CVE-2026-48526, CVE-2022-29217: HS256 with a JWK, a key set or an SSH key', async t => {
  const set = await bareJwks()
  const secrets = [
    JSON.stringify(set.keys[0]),
    JSON.stringify(set.keys[1]),
    JSON.stringify(set),
    JSON.stringify(set.keys),
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1G3Z0h0mJ8l8m0m1m2m3m4m5m6m7m8m9m0m1m2m3m4'
  ]
  await refusesAll(
    t,
    secrets.map((secret, index) => [`secret ${index}`, forge({ alg: 'HS256' }, {}, secret)])
  )
})

t.test('CVE-2026-22817, CVE-2026-22818: keys without alg are used with the configured algorithms only', async t => {
  await refusesAll(t, [
    [
      'HS256',
      forge({ alg: 'HS256', kid: 'rsa' }, {}, rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString())
    ],
    ['none', forge({ alg: 'none' }, {}, null)],
    ['another algorithm of the key', forge({ alg: 'RS384', kid: 'rsa' }, {}, rsa.privateKey)],
    ['ES256 with the RSA key', forge({ alg: 'ES256', kid: 'rsa' }, {}, rsa.privateKey)],
    ['RS256 with the EC key', forge({ alg: 'RS256', kid: 'ec' })]
  ])
  const verifier = await createVerifier(['ES256'])
  const token = forge({ alg: 'RS256', kid: 'rsa' }, {}, rsa.privateKey)
  t.equal(await reasonOf(() => verifier.verify(token, context)), 'algorithm')
  const [header, claims] = forge({ alg: 'RS384', kid: 'rsa' }).split('.')
  const real = sign('sha384', Buffer.from(`${header}.${claims}`), rsa.privateKey).toString('base64url')
  const strict = await createVerifier()
  t.equal(await reasonOf(() => strict.verify(`${header}.${claims}.${real}`, context)), 'algorithm', 'a real RS384')
})

t.test('CVE-2015-9235: no algorithm, no signature, or one of nothing', async t => {
  const good = forge({})
  const spellings = ['none', 'None', 'NONE', 'nOnE', '', ' ', 'none ', null, 0, ['ES256'], { toString: 'ES256' }]
  await refusesAll(t, [
    ...spellings.flatMap(alg => [
      [`alg ${JSON.stringify(alg)}, unsigned`, forge({ alg }, {}, null)] as const,
      [`alg ${JSON.stringify(alg)}, signed`, forge({ alg })] as const
    ]),
    ['HS256 with an empty secret', forge({ alg: 'HS256' }, {}, '')],
    ['no signature', good.slice(0, good.lastIndexOf('.') + 1)],
    ['zeros', `${good.slice(0, good.lastIndexOf('.') + 1)}${Buffer.alloc(64).toString('base64url')}`],
    ['one byte too many', `${good}AA`],
    ['another spelling of the same bytes', `${good}=`]
  ])
})

t.test('CVE-2018-0114: a key that the token brings or points to is neither used nor fetched', async t => {
  let connections = 0
  const listener = createServer((_, response) => response.end('{"keys":[]}'))
  listener.on('connection', () => connections++)
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => listener.close())
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/jwks.json`
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = await exportJWK(own.publicKey)
  const x5c = [own.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')]
  const thumbprint = createHash('sha256').update('x').digest('base64url')
  const headers: object[] = [
    { jwk },
    { jwk, kid: undefined },
    { jwk, kid: 'own' },
    { jku: url },
    { jku: url, kid: 'own' },
    { x5u: url },
    { x5u: url, kid: 'own' },
    { x5c },
    { x5c, kid: undefined },
    { 'x5t#S256': thumbprint }
  ]
  await refusesAll(
    t,
    headers.map(header => [JSON.stringify(header).slice(0, 60), forge(header, {}, own.privateKey)])
  )
  t.equal(connections, 0)
  const verifier = await createVerifier()
  t.match(await verifier.verify(forge({ jwk, jku: url }), context), { subject: 'alice' }, 'not even looked at')
  t.equal(connections, 0)
})

t.test('kid injection: whatever a kid says, it is compared and nothing else', async t => {
  const issuer = await createTestIssuer({ issuer: ISSUER, clock })
  const verifier = jwt({ issuer: ISSUER, jwks: await issuer.jwks(), clock })
  const kids = fc.oneof(
    fc.constantFrom<unknown>(
      '../../../../dev/null',
      '/proc/self/environ',
      "x' UNION SELECT 'key",
      '__proto__',
      'constructor',
      'toString',
      'ES256-1\0',
      'ES256-1\r\nx: y',
      ' ES256-1',
      'es256-1',
      '',
      'k'.repeat(3000),
      null,
      7,
      true,
      ['ES256-1'],
      { toString: 'ES256-1' }
    ),
    fc.string({ maxLength: 300 }),
    fc.jsonValue({ maxDepth: 1 })
  )
  await fc.assert(
    fc.asyncProperty(kids, async kid => {
      const token = forge({ kid })
      if (token.length > 8192) return
      t.match(await reasonOf(() => verifier.verify(token, context)), /^(kid|kid_malformed|unknown_key)$/)
    }),
    { numRuns: 200 }
  )
  const good = await verifier.verify(await issuer.mint({ resource: RESOURCE }), context)
  t.equal(good.subject, 'alice')
})

t.test('CVE-2026-35042, GHSA-hm7r-c7qw-ghp6: critical headers are refused, whatever they say', async t => {
  const critical: object[] = [
    { crit: ['x'], x: 1 },
    { crit: ['x'] },
    { crit: [] },
    { crit: ['x', 'x'], x: 1 },
    { crit: ['alg'] },
    { crit: ['exp'], exp: 1 },
    { crit: ['b64'], b64: false },
    { crit: ['b64'], b64: true },
    { b64: false },
    { crit: 'x' },
    { crit: null },
    { crit: {} },
    { crit: 0 }
  ]
  await refusesAll(
    t,
    critical.map(header => [JSON.stringify(header), forge(header)])
  )
})

t.test('CVE-2025-30144: what is compared is text, in either profile', async t => {
  const wrong: [object, string][] = [
    [{ iss: [ISSUER] }, 'issuer'],
    [{ iss: ['https://evil.test', ISSUER] }, 'issuer'],
    [{ iss: { 0: ISSUER } }, 'issuer'],
    [{ iss: null }, 'issuer'],
    [{ sub: ['alice'] }, 'claim_sub'],
    [{ sub: { id: 'alice' } }, 'claim_sub'],
    [{ sub: 1 }, 'claim_sub'],
    [{ client_id: ['client'] }, 'claim_client_id'],
    [{ client_id: 7 }, 'claim_client_id'],
    [{ aud: { 0: RESOURCE } }, 'claim_aud'],
    [{ aud: [RESOURCE, 1] }, 'claim_aud'],
    [{ aud: [[RESOURCE]] }, 'claim_aud'],
    [{ aud: [] }, 'claim_aud'],
    [{ scope: { a: 1 } }, 'claim_scope'],
    [{ scope: 7 }, 'claim_scope'],
    [{ exp: `${CLAIMS.exp}` }, 'claim_exp'],
    [{ exp: [CLAIMS.exp] }, 'claim_exp'],
    [{ nbf: '0' }, 'claim_nbf']
  ]
  for (const profile of ['rfc9068', 'lenient'] as const) {
    const verifier = jwt({ issuer: ISSUER, jwks: await bareJwks(), profile, clock })
    for (const [claims, reason] of wrong)
      t.equal(await reasonOf(() => verifier.verify(forge({}, claims), context)), reason, JSON.stringify(claims))
  }
})

t.test('CVE-2025-59936: the issuer is compared before any key is looked up', async t => {
  const issuer = await createTestIssuer({ issuer: ISSUER, clock })
  const verifier = jwt({ issuer: ISSUER, fetch: issuer.fetch, clock })
  for (const iss of ['https://evil.test', `${ISSUER}/`, ISSUER.toUpperCase(), `${ISSUER}.evil.test`, ''])
    t.equal(await reasonOf(() => verifier.verify(forge({}, { iss }), context)), 'issuer', iss)
  t.equal(issuer.fetches, 0)
})
