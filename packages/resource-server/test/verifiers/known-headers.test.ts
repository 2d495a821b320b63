import { generateKeyPairSync } from 'node:crypto'
import { settableClock } from '@fastify-mcp-auth/testing'
import { SignJWT } from 'jose'
import t from 'tap'
import { type JwtRules, verifyJwt } from '../../src/verifiers/jwt-verifier.ts'
import { reasonOf } from '../app.ts'

const issuer = 'https://issuer.test'
const now = 1_800_000_000
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const { privateKey: other } = generateKeyPairSync('ed25519')

function createRules(): JwtRules {
  const keys = { known: () => publicKey, generation: () => 0, key: () => Promise.reject(new Error('known')) }
  return {
    keys: new Map([[issuer, keys]]),
    algorithms: ['EdDSA'],
    profile: 'rfc9068',
    clockTolerance: 0,
    requiredClaims: [],
    mapScopes: undefined,
    clock: settableClock(now),
    cache: null,
    headers: new Map()
  }
}

const sign = (header: object, key = privateKey) =>
  new SignJWT({ iss: issuer, sub: 'alice', aud: 'https://r.test', exp: now + 60, iat: now, jti: 'j', client_id: 'c' })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', ...header })
    .sign(key)

t.test('headers of good tokens are remembered, at most a hundred, and none of a stranger', async t => {
  const rules = createRules()
  for (let n = 0; n < 20; n++)
    t.equal(await reasonOf(async () => verifyJwt(rules, await sign({ n }, other))), 'signature')
  t.equal(rules.headers.size, 0)
  for (let n = 0; n < 120; n++) t.match(verifyJwt(rules, await sign({ n })), { subject: 'alice' })
  t.equal(rules.headers.size, 100)
  t.strictSame([...rules.headers.values()][99], { alg: 'EdDSA', typ: 'at+jwt', n: 99 })
})
