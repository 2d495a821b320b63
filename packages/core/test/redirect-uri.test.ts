import fc from 'fast-check'
import t from 'tap'
import { isOAuthError } from '../src/errors.ts'
import {
  assertRedirectUri,
  describeRedirectUri,
  KNOWN_PRIVATE_USE_URIS,
  redirectUriMatches
} from '../src/redirect-uri.ts'

t.test('OAuth 2.1 2.3.1: what may be registered', async t => {
  for (const uri of [
    'https://claude.ai/api/mcp/auth_callback',
    'https://example.com:8443/cb?x=1',
    'https://[2001:db8::1]/cb',
    'https://my_app.example.com/cb',
    'https://example.com/~a//b@c',
    `https://example.com/${'a'.repeat(2028)}`,
    'http://127.0.0.1/callback',
    'http://127.0.0.1:33418/',
    'http://127.0.0.1:33418',
    'http://localhost:1234/cb',
    'http://[::1]:9/cb',
    ...KNOWN_PRIVATE_USE_URIS
  ])
    t.doesNotThrow(() => assertRedirectUri(uri), uri)
  t.doesNotThrow(() => assertRedirectUri('com.example.app:/cb', ['com.example.app:/cb']))
  t.doesNotThrow(() => assertRedirectUri('cursor://anysphere.cursor-mcp/oauth/callback'))
})

const HOSTILE = [
  '',
  'callback',
  '/callback',
  '//example.com/cb',
  'https:example.com/cb',
  'https:/example.com/cb',
  'https:example.com/?to=https://other.example',
  'https:///example.com/cb',
  'https://',
  'https://example.com/cb#',
  'https://example.com/cb#frag',
  'https://user@example.com/cb',
  'https://user:pw@example.com/cb',
  'https://@example.com/cb',
  'https://trusted.example@evil.example/cb',
  'https://example.com\\@evil.example/cb',
  'https://*.example.com/cb',
  'https://example.com/*',
  'https://example.com/c b',
  'https://example.com/\tcb',
  'https://example.com/\r\nSet-Cookie:a=b',
  'https://ex\u0430mple.com/cb',
  'https://a;img-src/cb',
  'https://a,b/cb',
  "https://a'b/cb",
  'https://a"b/cb',
  'https://a%3bscript-src/cb',
  'http://example.com/cb',
  'http://0.0.0.0/cb',
  'http://192.168.0.1/cb',
  'http://localhost.evil.example/cb',
  'http://127.0.0.1.evil.example/cb',
  'http://localhost:99999/cb',
  'http://[::ffff:127.0.0.1]/cb',
  'ftp://example.com/cb',
  'ws://localhost/cb',
  'cursor://evil/oauth/callback',
  'com.example.app:/cb',
  `https://example.com/${'a'.repeat(2048)}`
]

t.test('OAuth 2.1 2.3.1: what may not be registered', async t => {
  for (const uri of HOSTILE)
    t.throws(
      () => assertRedirectUri(uri),
      { name: 'OAuthError', error: 'invalid_redirect_uri', reason: 'redirect_uri_not_acceptable' },
      JSON.stringify(uri.slice(0, 50))
    )
})

t.test('RFC 9700 4.1: dangerous schemes stay refused when the operator allows them', async t => {
  const uris = [
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'javascript://example.com/%0aalert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'filesystem:https://example.com/x',
    'blob:https://example.com/1',
    'about:blank',
    'view-source:https://example.com',
    'http://example.com/cb',
    'https:example.com',
    'https:/example.com',
    'httpx://example.com/cb',
    'https+evil://example.com/cb',
    'com.example.app:/cb#frag',
    'no scheme'
  ]
  for (const uri of uris)
    t.throws(() => assertRedirectUri(uri, [uri]), { name: 'OAuthError', error: 'invalid_redirect_uri' }, uri)
})

t.test('RFC 8252 7.1: a private-use scheme alone allows nothing, the exact URI is needed', async t => {
  const allowed = ['com.example.app:/cb']
  for (const uri of ['com.example.app:/cb2', 'com.example.app:/cb?x', 'COM.example.app:/cb', 'com.example.app:/'])
    t.throws(() => assertRedirectUri(uri, allowed), { name: 'OAuthError', error: 'invalid_redirect_uri' }, uri)
})

t.test('OAuth 2.1 2.3.1: matching is string equality but for loopback ports', async t => {
  const same: [string, string][] = [
    ['https://example.com/cb', 'https://example.com/cb'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000/callback'],
    ['http://127.0.0.1:1/callback', 'http://127.0.0.1/callback'],
    ['http://[::1]:1/callback', 'http://[::1]:65535/callback'],
    ['http://localhost/callback?x=1', 'http://localhost:80/callback?x=1'],
    ['http://127.0.0.1:33418/', 'http://127.0.0.1:40000'],
    ['http://127.0.0.1:33418/?x', 'http://127.0.0.1:40000?x'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'cursor://anysphere.cursor-mcp/oauth/callback']
  ]
  for (const [registered, requested] of same) t.ok(redirectUriMatches(registered, requested), requested)
  const different: [string, string][] = [
    ['https://example.com/cb', 'https://example.com/cb/'],
    ['https://example.com/cb', 'https://example.com/cb?x=1'],
    ['https://example.com/cb', 'https://example.com:443/cb'],
    ['https://example.com/cb', 'https://EXAMPLE.com/cb'],
    ['https://example.com/cb', 'https://example.com/x/../cb'],
    ['https://example.com/cb', 'https://example.com/%63b'],
    ['https://localhost/cb', 'https://localhost:8443/cb'],
    ['http://127.0.0.1/cb', 'http://localhost/cb'],
    ['http://127.0.0.1/cb', 'http://[::1]/cb'],
    ['http://127.0.0.1/cb', 'https://127.0.0.1/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:80@evil.example/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1.evil.example/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1/cb/../evil'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1/cb#x'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:65536/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:/cb'],
    ['http://127.0.0.1/cb', 'http://127.1:1/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1/cb\n'],
    ['http://127.0.0.1/cb', ' http://127.0.0.1:1/cb']
  ]
  for (const [registered, requested] of different)
    t.notOk(redirectUriMatches(registered, requested), JSON.stringify(requested))
})

t.test('redirect URIs: a loopback match never differs in anything but the port', async t => {
  const host = fc.constantFrom('localhost', '127.0.0.1', '[::1]')
  const rest = fc.stringMatching(/^\/[a-z0-9/._%?=-]{0,12}$/)
  const uri = fc.record({ host, port: fc.integer({ min: 0, max: 70_000 }), rest })
  const write = (parts: { host: string; port: number; rest: string }): string =>
    `http://${parts.host}:${parts.port}${parts.rest}`
  fc.assert(
    fc.property(uri, uri, (a, b) => {
      const expected =
        write(a) === write(b) || (a.host === b.host && a.rest === b.rest && a.port < 65_536 && b.port < 65_536)
      return (
        redirectUriMatches(write(a), write(b)) === expected &&
        redirectUriMatches(write(a), write({ ...a, port: 1 })) === a.port < 65_536
      )
    })
  )
  t.pass('held')
})

t.test('redirect URIs: whatever is accepted has a safe scheme and a host that fits into a policy', async t => {
  const text = fc.oneof(
    fc.webUrl({ validSchemes: ['http', 'https'] }),
    fc.webAuthority().map(a => `https://${a}/`),
    fc.string()
  )
  fc.assert(
    fc.property(text, uri => {
      try {
        assertRedirectUri(uri)
      } catch (error) {
        return isOAuthError(error) && error.error === 'invalid_redirect_uri'
      }
      const { kind, formAction } = describeRedirectUri(uri)
      const { username, password } = new URL(uri)
      if (username + password !== '') return false
      return (kind === 'https' || kind === 'loopback') && /^https?:(\/\/[a-z0-9.:_[\]-]+)?$/.test(formAction)
    })
  )
  t.pass('held')
})

t.test('describeRedirectUri: what a person is told', async t => {
  t.strictSame(describeRedirectUri('https://example.com:8443/cb?x'), {
    kind: 'https',
    host: 'example.com:8443',
    formAction: 'https://example.com:8443'
  })
  for (const [uri, kind, host, formAction] of [
    ['http://127.0.0.1:5/cb', 'loopback', '127.0.0.1', 'http://127.0.0.1:5'],
    ['http://[::1]:5/cb', 'loopback', '[::1]', 'http:'],
    ['cursor://x/y', 'private-use', 'cursor', 'cursor:']
  ])
    t.strictSame(describeRedirectUri(uri ?? ''), { kind, host, formAction })
  t.equal(describeRedirectUri('https://xn--e1awd7f.com/').host, 'xn--e1awd7f.com', 'international names stay encoded')
})
