import fc from 'fast-check'
import t from 'tap'
import { isOAuthError } from '../src/errors.ts'
import { canonicalResource, sameResource } from '../src/resource.ts'

t.test('RFC 8707 2: canonical form', async t => {
  const table: [string, string][] = [
    ['https://example.com', 'https://example.com'],
    ['https://example.com/', 'https://example.com'],
    ['HTTPS://Example.COM:443/MCP', 'https://example.com/MCP'],
    ['https://example.com:/mcp', 'https://example.com/mcp'],
    ['http://127.0.0.1:80/mcp', 'http://127.0.0.1/mcp'],
    ['http://127.0.0.1:3000/mcp', 'http://127.0.0.1:3000/mcp'],
    ['https://[2001:DB8::1]:443/a', 'https://[2001:db8::1]/a'],
    ['https://example.com/mcp/', 'https://example.com/mcp/'],
    ['https://example.com/a/../b', 'https://example.com/a/../b'],
    ['https://example.com/%7Ea', 'https://example.com/%7Ea'],
    ['https://example.com/?', 'https://example.com/?'],
    ['https://example.com?x=1', 'https://example.com?x=1'],
    ['http://example.com:443/', 'http://example.com:443']
  ]
  for (const [input, expected] of table) t.equal(canonicalResource(input), expected, input)
})

t.test('RFC 8707 2: refuses what is not an absolute http(s) URI without fragment', async t => {
  const hostile = [
    '',
    'example.com',
    '/mcp',
    '//example.com/mcp',
    'https:/example.com',
    'https:example.com',
    'https:///mcp',
    'https://',
    'https://example.com/#',
    'https://example.com#a',
    'https://user@example.com/',
    'https://user:pw@example.com/',
    'https://@example.com/',
    'https://example.com\\mcp',
    'https://example.com/a\\b',
    ' https://example.com',
    'https://example.com/a b',
    'https://example.com/\n',
    'https://ex\u00e4mple.com/',
    'https://example.com:99999/',
    'ftp://example.com/',
    'javascript:alert(1)',
    'urn:example:mcp',
    `https://example.com/${'a'.repeat(2048)}`
  ]
  for (const input of hostile)
    t.throws(
      () => canonicalResource(input),
      { name: 'OAuthError', error: 'invalid_target' },
      JSON.stringify(input.slice(0, 40))
    )
})

t.test('RFC 8707 2: two identifiers are the same or they are not', async t => {
  t.ok(sameResource('https://example.com', 'HTTPS://EXAMPLE.com:443/'))
  for (const other of [
    'https://example.com/mcp/',
    'https://example.com/MCP',
    'https://example.com/mcp?',
    'http://example.com/mcp',
    'https://example.com:8443/mcp',
    'https://example.com.evil.test/mcp',
    'https://example.com/%6dcp',
    'not a url'
  ])
    t.notOk(sameResource('https://example.com/mcp', other), other)
  t.notOk(sameResource('x', 'x'), 'equal strings that are no identifiers are not the same resource')
})

t.test('canonicalResource is idempotent and never throws anything but invalid_target', async t => {
  const text = fc.oneof(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.string())
  fc.assert(
    fc.property(text, input => {
      try {
        const once = canonicalResource(input)
        return canonicalResource(once) === once && sameResource(input, once) && !once.includes('#')
      } catch (error) {
        return isOAuthError(error) && error.error === 'invalid_target'
      }
    })
  )
  t.pass('held')
})
