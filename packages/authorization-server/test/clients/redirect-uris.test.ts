/** Which of a client's URIs are kept. What is acceptable at all: `redirect-uri.test.ts` of core. */
import t from 'tap'
import { acceptableRedirectUris, postLogoutMember } from '../../src/clients/redirect-uris.ts'

const GOOD = 'https://app.example/cb'
const PRIVATE = 'com.example.app:/cb'
const BAD = ['http://app.example/cb', 'javascript:alert(1)', 'https://app.example/cb#x']

t.test('RFC 7591 3.2.1: of several redirect URIs the acceptable ones are kept, each once, in their order', async t => {
  t.strictSame(acceptableRedirectUris([PRIVATE, ...BAD, GOOD, PRIVATE], [PRIVATE]), [PRIVATE, GOOD])
  t.strictSame(acceptableRedirectUris([PRIVATE, GOOD], []), [GOOD])
})

t.test('RFC 7591 3.2.2: where none is, the first one is told to be the reason', async t => {
  t.throws(() => acceptableRedirectUris(BAD, [PRIVATE]), { error: 'invalid_redirect_uri', message: /loopback/ })
  t.throws(() => acceptableRedirectUris([BAD[2] ?? '', GOOD.slice(1)], []), { message: /fragment/ })
  t.throws(() => acceptableRedirectUris([], []), { error: 'invalid_redirect_uri', message: /at least one/ })
})

t.test('OpenID Connect RP-Initiated Logout 1.0 3.1: after a sign-out likewise, and none is no fault', async t => {
  const kept = { post_logout_redirect_uris: [PRIVATE, GOOD] }
  t.strictSame(postLogoutMember([PRIVATE, ...BAD, GOOD, PRIVATE], [PRIVATE]), kept)
  for (const none of [undefined, [], BAD]) t.strictSame(postLogoutMember(none, []), {})
})
