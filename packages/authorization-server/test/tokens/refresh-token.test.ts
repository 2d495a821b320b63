import fc from 'fast-check'
import t from 'tap'
import { parseCode } from '../../src/grants/lifecycle.ts'
import {
  firstRefreshToken,
  formatRefreshToken,
  nextRefreshToken,
  parseRefreshToken
} from '../../src/tokens/refresh-token.ts'

const id = fc.stringMatching(/^[A-Za-z0-9_-]{22}$/)
const secret = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/)

t.test('RFC 6749 10.10: a refresh token has 256 random bits that change with each rotation', async t => {
  const grantId = 'a'.repeat(22)
  const first = firstRefreshToken(grantId)
  const next = nextRefreshToken(first)
  t.equal(Buffer.from(first.secret, 'base64url').length, 32)
  t.equal(next.grantId, grantId)
  t.equal(next.family, first.family)
  t.not(next.secret, first.secret)
  t.not(firstRefreshToken(grantId).family, first.family)
})

t.test('every refresh token that was formatted is read back the same', async () => {
  fc.assert(
    fc.property(id, id, secret, (grantId, family, last) => {
      const token = { grantId, family, secret: last }
      const parsed = parseRefreshToken(formatRefreshToken(token))
      return parsed !== null && JSON.stringify(parsed) === JSON.stringify(token)
    })
  )
})

t.test('a string that is read as a token is exactly that token, whatever it is', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(id, id, secret, fc.string({ maxLength: 2 })).map(([a, b, c, more]) => `${a}.${b}.${c}${more}`),
    fc.tuple(id, secret, fc.string({ maxLength: 2 })).map(([a, b, more]) => `${more}${a}.${b}`)
  )
  fc.assert(
    fc.property(text, given => {
      const token = parseRefreshToken(given)
      const code = parseCode(given)
      return (
        (token === null || formatRefreshToken(token) === given) &&
        (code === null || `${code.grantId}.${code.secret}` === given) &&
        (token === null || code === null)
      )
    })
  )
})
