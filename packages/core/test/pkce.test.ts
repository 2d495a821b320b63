import fc from 'fast-check'
import t from 'tap'
import Value from 'typebox/value'
import { CodeChallenge, CodeVerifier, codeChallengeOf, createCodeVerifier, verifyCodeVerifier } from '../src/pkce.ts'

t.test('RFC 7636 appendix B: the example', async t => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
  t.equal(codeChallengeOf(verifier), challenge)
  t.ok(verifyCodeVerifier(verifier, challenge))
})

t.test('RFC 7636 4.1: 43 to 128 unreserved characters', async t => {
  for (const good of ['a'.repeat(43), 'Z9-._~'.repeat(21), 'a'.repeat(128)]) t.ok(Value.Check(CodeVerifier, good))
  for (const bad of [
    '',
    'a'.repeat(42),
    'a'.repeat(129),
    `${'a'.repeat(43)}\n`,
    `${'a'.repeat(43)}=`,
    `${'a'.repeat(43)}\u00e4`
  ]) {
    t.notOk(Value.Check(CodeVerifier, bad), JSON.stringify(bad))
    t.notOk(verifyCodeVerifier(bad, codeChallengeOf(bad)), 'and does not verify, whatever it hashes to')
  }
})

t.test('RFC 7636 4.2: a challenge has 43 base64url characters', async t => {
  t.ok(Value.Check(CodeChallenge, codeChallengeOf(createCodeVerifier())))
  for (const bad of ['', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)}=`, `${'a'.repeat(43)}\n`])
    t.notOk(Value.Check(CodeChallenge, bad), JSON.stringify(bad))
})

t.test('RFC 7636 4.6: only the verifier itself verifies', async t => {
  const verifier = fc.stringMatching(/^[A-Za-z0-9._~-]{43,128}$/)
  fc.assert(
    fc.property(verifier, verifier, (a, b) => {
      const challenge = codeChallengeOf(a)
      // The challenge is public: as a verifier (method "plain") it must not do.
      return (
        verifyCodeVerifier(a, challenge) &&
        verifyCodeVerifier(b, challenge) === (a === b) &&
        !verifyCodeVerifier(challenge, challenge)
      )
    })
  )
  t.pass('held')
})

t.test('createCodeVerifier: well-formed and new every time', async t => {
  const verifiers = Array.from({ length: 50 }, () => createCodeVerifier())
  t.ok(verifiers.every(verifier => Value.Check(CodeVerifier, verifier)))
  t.equal(new Set(verifiers).size, 50)
})
