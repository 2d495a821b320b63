import fc from 'fast-check'
import t from 'tap'
import {
  assertIssuer,
  authorizationServerMetadataUrls,
  isHttpLoopback,
  isLoopbackHost,
  protectedResourceMetadataUrl,
  wellKnownUrl
} from '../src/issuer.ts'

t.test('RFC 8414 2: issuers that can be used', async t => {
  for (const issuer of [
    'https://auth.example.com',
    'https://auth.example.com/',
    'https://auth.example.com:8443/tenant/a',
    'https://login.example.com/tenant/v2.0',
    'https://auth.example.com/.hidden',
    'http://localhost:3000',
    'http://127.0.0.1:3000/tenant',
    'http://[::1]:3000'
  ])
    t.doesNotThrow(() => assertIssuer(issuer), issuer)
})

t.test('RFC 8414 2: issuers that cannot, with the option named', async t => {
  for (const issuer of [
    '',
    'auth.example.com',
    'https:auth.example.com',
    'https:/auth.example.com',
    'https:///auth.example.com',
    'https:\\\\auth.example.com',
    'https://auth.example.com\\tenant',
    ' https://auth.example.com',
    'https://auth.example.com ',
    'https://auth.example.com/\t',
    'https://auth.example.com\n',
    'https://\u00e4.example.com',
    'https://auth.example.com?',
    'https://auth.example.com?a=b',
    'https://auth.example.com#',
    'https://auth.example.com#a',
    'https://user@auth.example.com',
    'https://@auth.example.com',
    'https://auth.example.com/a/../b',
    'https://auth.example.com/a/.',
    'https://auth.example.com/%2e%2E/b',
    'http://auth.example.com',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'ftp://auth.example.com',
    'javascript:alert(1)'
  ])
    t.throws(
      () => assertIssuer(issuer, 'verify.issuer'),
      { code: 'FST_OAUTH_OPTION', message: /^option "verify\.issuer" / },
      JSON.stringify(issuer)
    )
})

t.test('assertIssuer: a password does not get into the message', async t => {
  t.throws(() => assertIssuer('https://admin:hunter2@auth.example.com'), { message: /^((?!hunter2|admin).)*$/ })
})

t.test('loopback: three hosts, and nothing that looks like them', async t => {
  for (const host of ['localhost', '127.0.0.1', '[::1]']) t.ok(isLoopbackHost(host), host)
  for (const host of ['localhost.', 'LOCALHOST', '127.0.0.2', '::1', '0.0.0.0', 'localhost.example.com', ''])
    t.notOk(isLoopbackHost(host), host)
  t.ok(isHttpLoopback('http://localhost:1/x'))
  for (const url of [
    'https://localhost/',
    'http://example.com/',
    'http:',
    'localhost',
    'http://localhost@example.com/'
  ])
    t.notOk(isHttpLoopback(url), url)
})

t.test('RFC 8414 3.1: the path goes behind the well-known suffix', async t => {
  const name = 'oauth-authorization-server'
  t.equal(wellKnownUrl('https://a.example', name), `https://a.example/.well-known/${name}`)
  t.equal(wellKnownUrl('https://a.example/', name), `https://a.example/.well-known/${name}`)
  t.equal(wellKnownUrl('https://a.example/t/1', name), `https://a.example/.well-known/${name}/t/1`)
  t.equal(wellKnownUrl('https://a.example/t/', name), `https://a.example/.well-known/${name}/t`)
})

t.test('RFC 9728 3.1: a resource keeps its path and query', async t => {
  const at = 'https://a.example:8443/.well-known/oauth-protected-resource'
  t.equal(protectedResourceMetadataUrl('https://a.example:8443'), at)
  t.equal(protectedResourceMetadataUrl('https://a.example:8443/'), at)
  t.equal(protectedResourceMetadataUrl('https://a.example:8443/mcp'), `${at}/mcp`)
  t.equal(protectedResourceMetadataUrl('https://a.example:8443/mcp/'), `${at}/mcp/`)
  t.equal(protectedResourceMetadataUrl('https://a.example:8443/mcp?x=1'), `${at}/mcp?x=1`)
})

t.test('CD-5: an issuer with a path has three places, in order', async t => {
  t.strictSame(authorizationServerMetadataUrls('https://a.example/t'), [
    'https://a.example/.well-known/oauth-authorization-server/t',
    'https://a.example/.well-known/openid-configuration/t',
    'https://a.example/t/.well-known/openid-configuration'
  ])
})

t.test('CD-6: an issuer without a path has two', async t => {
  const expected = [
    'https://a.example/.well-known/oauth-authorization-server',
    'https://a.example/.well-known/openid-configuration'
  ]
  t.strictSame(authorizationServerMetadataUrls('https://a.example'), expected)
  t.strictSame(authorizationServerMetadataUrls('https://a.example/'), expected)
})

t.test('issuers: every accepted one keeps its origin in all of its well-known URLs', async t => {
  fc.assert(
    fc.property(fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string()), issuer => {
      try {
        assertIssuer(issuer)
      } catch (error) {
        return error instanceof Error && error.name === 'ConfigurationError'
      }
      const { origin } = new URL(issuer)
      return authorizationServerMetadataUrls(issuer).every(
        url => new URL(url).origin === origin && url.includes('/.well-known/') && !url.includes('?')
      )
    })
  )
  t.pass('held')
})
