import t from 'tap'
import { discoverMetadata } from '../src/discovery.ts'
import { UnavailableError } from '../src/errors.ts'
import { FetchRefusedError } from '../src/fetch-errors.ts'
import type { SafeFetch } from '../src/safe-fetch.ts'

const OAUTH = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'

/** Answers by path: an object as JSON, a string as it is, a number as a status, an error by throwing it. */
function web(answers: Record<string, unknown>): { fetch: SafeFetch; asked: string[] } {
  const asked: string[] = []
  const fetch: SafeFetch = async url => {
    const { pathname } = new URL(url)
    asked.push(pathname)
    const answer = answers[pathname] ?? 404
    if (answer instanceof Error) throw answer
    const body = typeof answer === 'string' ? answer : JSON.stringify(answer)
    return { status: typeof answer === 'number' ? answer : 200, headers: {}, body: Buffer.from(body) }
  }
  return { fetch, asked }
}

t.test('CD-4: RFC 8414 metadata or OpenID configuration, whichever is there', async t => {
  const issuer = 'https://a.example'
  const first = web({ [OAUTH]: { issuer, token_endpoint: 'https://a.example/token', more: [1] } })
  t.match(await discoverMetadata(issuer, first.fetch), { issuer, token_endpoint: 'https://a.example/token', more: [1] })
  t.strictSame(first.asked, [OAUTH])
  const second = web({ [OPENID]: { issuer } })
  t.match(await discoverMetadata(issuer, second.fetch), { issuer })
  t.strictSame(second.asked, [OAUTH, OPENID])
})

t.test('CD-5: an issuer with a path is looked for at three places, in order', async t => {
  const issuer = 'https://a.example/t'
  const { fetch, asked } = web({ [`/t${OPENID}`]: { issuer } })
  t.match(await discoverMetadata(issuer, fetch), { issuer })
  t.strictSame(asked, [`${OAUTH}/t`, `${OPENID}/t`, `/t${OPENID}`])
})

t.test('CD-7: a document of another issuer is not used', async t => {
  const issuer = 'https://a.example'
  for (const other of [
    'https://a.example/',
    'https://A.example',
    'http://a.example',
    'https://b.example',
    'https://a.example:443',
    ''
  ]) {
    const { fetch } = web({ [OAUTH]: { issuer: other } })
    await t.rejects(
      discoverMetadata(issuer, fetch),
      { code: 'FST_OAUTH_UNAVAILABLE', message: /is for the issuer/ },
      other
    )
  }
  const { fetch } = web({ [OAUTH]: { issuer: 'https://b.example' }, [OPENID]: { issuer } })
  t.match(await discoverMetadata(issuer, fetch), { issuer }, 'the next place may have the right one')
})

t.test('discovery: what is not metadata is passed over, and the message says why', async t => {
  const issuer = 'https://a.example'
  for (const answer of [
    500,
    204,
    '<html>',
    '[]',
    'null',
    '{}',
    { issuer: 7 },
    { issuer, response_types_supported: 'code' }
  ])
    await t.rejects(
      discoverMetadata(issuer, web({ [OAUTH]: answer }).fetch),
      { code: 'FST_OAUTH_UNAVAILABLE', message: /oauth-authorization-server: .*openid-configuration: status 404/ },
      JSON.stringify(answer)
    )
})

t.test('CD-14: endpoints that are not https are not accepted', async t => {
  const issuer = 'https://a.example'
  const bad: unknown[] = [
    'javascript:alert(1)',
    'data:text/html,x',
    'http://a.example/x',
    'https://u:p@a.example/x',
    '/relative',
    '',
    7,
    null
  ]
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'device_authorization_endpoint'])
    for (const url of bad)
      await t.rejects(
        discoverMetadata(issuer, web({ [OAUTH]: { issuer, [name]: url } }).fetch),
        { code: 'FST_OAUTH_UNAVAILABLE' },
        `${name} ${url}`
      )
  const development = { issuer: 'http://127.0.0.1:3000', jwks_uri: 'http://127.0.0.1:3000/jwks' }
  t.match(await discoverMetadata(development.issuer, web({ [OAUTH]: development }).fetch), development)
})

t.test('discovery: a refused page is passed over, a host that is down ends it', async t => {
  const issuer = 'https://a.example'
  const redirect = web({ [OAUTH]: new FetchRefusedError('redirect', 'moved'), [OPENID]: { issuer } })
  t.match(await discoverMetadata(issuer, redirect.fetch), { issuer })
  const down = web({ [OAUTH]: new UnavailableError('down') })
  await t.rejects(discoverMetadata(issuer, down.fetch), { message: 'down' })
  t.strictSame(down.asked, [OAUTH])
})
