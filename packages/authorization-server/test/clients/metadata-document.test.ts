import {
  createSafeFetch,
  FetchFailedError,
  FetchRefusedError,
  type SafeFetch,
  type SafeResponse
} from '@fastify-mcp-auth/core'
import t, { type Test } from 'tap'
import { isMetadataDocumentId } from '../../src/clients/metadata-document.ts'
import { type BuildOptions, buildServer, CALLBACK, ORIGIN, openSignedIn } from '../fixture.ts'

const ID = 'https://client.example/oauth/client.json'
const DOCUMENT = {
  client_id: ID,
  client_name: 'Example client',
  redirect_uris: [CALLBACK],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none'
}

/** A host of documents that counts who asks. */
function host(answer: () => Promise<SafeResponse> | SafeResponse) {
  const asked: string[] = []
  const fetch: SafeFetch = async url => {
    asked.push(url)
    return answer()
  }
  return { asked, fetch }
}

const document = (body: unknown, headers: Record<string, string> = {}, status = 200): SafeResponse => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
})

async function serve(t: Test, answer: Parameters<typeof host>[0], build: BuildOptions = {}) {
  const { asked, fetch } = host(answer)
  const server = await buildServer(t, { ...build, options: { ...build.options, fetch } })
  const client = server.client({ clientId: ID })
  const open = async (url?: string) => {
    const started = url ?? (await client.start()).url
    return server.app.inject(started.slice(ORIGIN.length))
  }
  return { asked, server, client, open }
}

t.test(
  'REG-3, REG-6: a client that is a document gets to its tokens and refreshes them; one fetch is enough',
  async t => {
    const { asked, client } = await serve(t, () => document(DOCUMENT))
    const tokens = await client.connect()
    t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 200)
    t.equal((await client.revoke(tokens.refresh_token ?? '')).statusCode, 200)
    t.strictSame(asked, [ID])
  }
)

t.test('REG-13: the page is told which host vouches for the name', async t => {
  const { client } = await serve(t, () => document(DOCUMENT))
  const page = await client.login(await client.browser.open((await client.start()).url))
  t.match(page.body, '"verifiedHost":"client.example"')
  t.match(page.body, '"name":"Example client"')
})

t.test('opencode: portless loopback URIs match any port', async t => {
  const redirect_uris = ['http://127.0.0.1/callback', 'http://localhost/callback']
  const { client } = await serve(t, () => document({ ...DOCUMENT, redirect_uris }))
  t.ok((await client.connect()).access_token)
})

t.test('REG-5: ChatGPT: a document that prefers private_key_jwt, but can do without, is served as public', async t => {
  const { client } = await serve(t, () =>
    document({
      ...DOCUMENT,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
      jwks_uri: 'https://client.example/jwks.json'
    })
  )
  t.ok((await client.connect()).access_token)
})

const REFUSED: [string, () => SafeResponse][] = [
  ['another client_id', () => document({ ...DOCUMENT, client_id: 'https://client.example/other.json' })],
  ['a client_id with another case', () => document({ ...DOCUMENT, client_id: ID.replace('client.e', 'Client.e') })],
  ['no client_id', () => document({ ...DOCUMENT, client_id: undefined })],
  ['no client_name', () => document({ ...DOCUMENT, client_name: undefined })],
  ['a client_name of control characters', () => document({ ...DOCUMENT, client_name: '\u0000\n' })],
  ['no redirect_uris', () => document({ ...DOCUMENT, redirect_uris: undefined })],
  ['an empty list of redirect_uris', () => document({ ...DOCUMENT, redirect_uris: [] })],
  ['only unacceptable redirect_uris', () => document({ ...DOCUMENT, redirect_uris: ['javascript:alert(1)'] })],
  ['a client_secret', () => document({ ...DOCUMENT, client_secret: 'x' })],
  ['private_key_jwt and nothing else', () => document({ ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt' })],
  ['client_secret_basic', () => document({ ...DOCUMENT, token_endpoint_auth_method: 'client_secret_basic' })],
  ['a name that is no string', () => document({ ...DOCUMENT, client_name: ['x'] })],
  ['a name of 201 characters', () => document({ ...DOCUMENT, client_name: 'x'.repeat(201) })],
  ['HTML', () => document('<!doctype html><title>Not found</title>', { 'content-type': 'text/html' })],
  ['a list', () => document([DOCUMENT])],
  ['null', () => document('null')],
  ['nothing', () => document('')],
  ['a client_secret_expires_at', () => document({ ...DOCUMENT, client_secret_expires_at: 0 })],
  ['client_secret_jwt', () => document({ ...DOCUMENT, token_endpoint_auth_method: 'client_secret_jwt' })],
  [
    'methods with a secret only',
    () =>
      document({
        ...DOCUMENT,
        token_endpoint_auth_method: 'x',
        token_endpoint_auth_methods_supported: ['client_secret_post']
      })
  ],
  [
    'a private key',
    () => document({ ...DOCUMENT, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' }] } })
  ],
  ['an internal jwks_uri', () => document({ ...DOCUMENT, jwks_uri: 'https://10.0.0.1/jwks.json' })],
  [
    'keys in two places',
    () => document({ ...DOCUMENT, jwks: { keys: [] }, jwks_uri: 'https://client.example/jwks.json' })
  ],
  ['33,000 bytes', () => document({ ...DOCUMENT, x: 'x'.repeat(33_000) })],
  ['the type text/plain', () => document(DOCUMENT, { 'content-type': 'text/plain' })],
  ['the type text/html', () => document(DOCUMENT, { 'content-type': 'text/html; charset=utf-8' })],
  ['a type that only begins like JSON', () => document(DOCUMENT, { 'content-type': 'application/jsonp' })],
  ['no type', () => document(DOCUMENT, { 'content-type': '' })],
  ['status 404', () => document(DOCUMENT, {}, 404)],
  ['status 204', () => document('', {}, 204)]
]
for (const [what, answer] of REFUSED)
  t.test(`REG-7: a document with ${what} is a page, never a redirect; nothing is stored or cached`, async t => {
    const { asked, server, open } = await serve(t, answer)
    for (const times of [1, 2]) {
      // Past the seconds in which one that failed is not asked again.
      server.clock.advance(10)
      const response = await open()
      t.equal(response.statusCode, 400)
      t.equal(response.headers.location, undefined)
      t.match(response.body, '"reason":"client_metadata"')
      t.equal(asked.length, times)
    }
    t.match(await server.storage.counts(), { interactions: 0, clients: 0 })
    t.match(server.log.join(), /"cause":"[^"]{10,}"/, 'the operator can read why')
  })

t.test('REG-10: what the guarded fetch refuses is a page about the client', async t => {
  const { open } = await serve(t, () => {
    throw new FetchRefusedError('address', 'not a public address')
  })
  const response = await open()
  t.equal(response.statusCode, 400)
  t.match(response.body, '"reason":"client_metadata"')
})

for (const [what, answer] of [
  ['whose host does not answer', () => Promise.reject(new FetchFailedError('timeout', 'no answer'))],
  ['whose host has a fault', () => document('', {}, 500)],
  ['whose host is overloaded', () => document('', {}, 503)],
  ['whose host limits us', () => document('', {}, 429)]
] as const)
  t.test(`REG-7: a document ${what} is an outage: 503 with Retry-After, no redirect, nothing stored`, async t => {
    const { server, open } = await serve(t, answer)
    const response = await open()
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], '5')
    t.equal(response.headers.location, undefined)
    t.match(response.body, '"reason":"unavailable"')
    t.match(await server.storage.counts(), { interactions: 0 })
  })

t.test('REG-10: a client_id that points into our own network is not fetched', async t => {
  const server = await buildServer(t, { options: { fetch: createSafeFetch() } })
  for (const host of ['127.0.0.1', '169.254.169.254', '10.0.0.1', '[::1]', '[::ffff:7f00:1]', '[fd00::1]']) {
    const { url } = await server.client({ clientId: `https://${host}/client.json` }).start()
    const response = await server.app.inject(url.slice(ORIGIN.length))
    t.equal(response.statusCode, 400, host)
    t.match(response.body, '"reason":"client_metadata"')
    t.match(server.log.join(), 'the document cannot be fetched')
  }
})

t.test('REG-8: a redirect_uri that is not in the document is a page', async t => {
  const { client, open } = await serve(t, () => document(DOCUMENT))
  const { url } = await client.start({ parameters: { redirect_uri: 'https://evil.example/cb' } })
  const response = await open(url)
  t.equal(response.statusCode, 400)
  t.match(response.body, '"reason":"redirect_uri"')
})

t.test('REG-8: of the URIs of a document the unacceptable ones are not matched', async t => {
  const redirect_uris = ['http://evil.example/cb', CALLBACK]
  const { client, open } = await serve(t, () => document({ ...DOCUMENT, redirect_uris }))
  t.match((await open()).headers.location, /^\/login/)
  const { url } = await client.start({ parameters: { redirect_uri: 'http://evil.example/cb' } })
  t.equal((await open(url)).statusCode, 400)
})

t.test('REG-9: links of a document that are no web addresses do not reach the page', async t => {
  const links = {
    client_uri: 'javascript:alert(1)',
    logo_uri: 'javascript:alert(2)',
    policy_uri: 'https://client.example/p',
    tos_uri: 'data:text/html,x'
  }
  const { client } = await serve(t, () => document({ ...DOCUMENT, ...links }))
  const page = await client.login(await client.browser.open((await client.start()).url))
  t.match(page.body, '"clientUri":null,"logoUri":null,"policyUri":"https://client.example/p","tosUri":null')
})

for (const [cacheControl, seconds] of [
  [undefined, 300],
  ['public', 300],
  ['max-age=60', 60],
  ['public, MAX-AGE=60, must-revalidate', 60],
  ['max-age="60"', 60],
  ['s-maxage=9, max-age=60', 60],
  ['max-age=999999999', 86_400],
  ['max-age=0', 0],
  ['no-store', 0],
  ['no-cache, max-age=60', 0],
  ['max-age=nonsense', 300],
  ['x-max-age=7', 300]
] as const)
  t.test(`REG-9, RFC 9111 5.2.2: Cache-Control "${cacheControl}" keeps a document ${seconds} seconds`, async t => {
    const headers = cacheControl === undefined ? {} : { 'cache-control': cacheControl }
    const { asked, server, open } = await serve(t, () => document(DOCUMENT, headers))
    await open()
    t.equal(asked.length, 1)
    if (seconds > 0) {
      server.clock.advance(seconds - 1)
      await open()
      t.equal(asked.length, 1, 'from the cache')
      server.clock.advance(1)
    }
    await open()
    t.equal(asked.length, 2, 'asked again')
  })

t.test('REG-9: parallel requests share one fetch, and each its failure', async t => {
  let answer: (response: SafeResponse) => void = () => {}
  const { asked, client, server } = await serve(t, () => new Promise(resolve => (answer = resolve)))
  const { url } = await client.start()
  const open = () => Promise.all(Array.from({ length: 10 }, () => server.app.inject(url.slice(ORIGIN.length))))
  for (const [response, status] of [
    [document('no JSON'), 400],
    [document(DOCUMENT), 303]
  ] as const) {
    server.clock.advance(10)
    const before = asked.length
    const opened = open()
    while (asked.length === before) await new Promise(setImmediate)
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    answer(response)
    t.strictSame(
      (await opened).map(({ statusCode }) => statusCode),
      Array(10).fill(status)
    )
    t.equal(asked.length, before + 1)
  }
})

t.test('REG-7: documents of different clients do not answer for each other', async t => {
  const { client, open } = await serve(t, () => document(DOCUMENT))
  t.equal((await open()).statusCode, 303)
  const { url } = await client.start({ parameters: { client_id: 'https://client.example/oauth/other.json' } })
  t.equal((await open(url)).statusCode, 400)
})

t.test('REG-4: which client_ids are fetched at all', async t => {
  const { asked, server, client, open } = await serve(t, () => document(DOCUMENT))
  for (const clientId of [
    'http://client.example/client.json',
    'https://client.example',
    'https://client.example/',
    'https://user@client.example/client.json',
    'https://client.example/client.json#x',
    'https://client.example/a/../client.json',
    'https://client.example/./client.json',
    'https://CLIENT.example/client.json',
    'https://client.example:443/client.json',
    'https://client.example\\client.json',
    `https://client.example/${'x'.repeat(512)}`,
    'ftp://client.example/client.json',
    'https:client.example/client.json',
    'https://client.example/client.json?',
    'https://client.example/a/%2e%2e/client.json',
    'https://client.example/a/%2E/client.json'
  ]) {
    t.equal(isMetadataDocumentId(clientId), false, clientId)
    const { url } = await client.start({ parameters: { client_id: clientId } })
    t.equal((await open(url)).statusCode, 400)
  }
  t.strictSame(asked, [])
  t.match(await server.storage.counts(), { interactions: 0 })
  t.equal(isMetadataDocumentId('https://client.example:8443/client.json?v=1'), true)
})

t.test('REG-14: documents can be switched off, and the metadata says so', async t => {
  const { asked, server, open } = await serve(t, () => document(DOCUMENT), {
    options: { clientIdMetadataDocuments: false }
  })
  const response = await open()
  t.equal(response.statusCode, 400)
  t.match(response.body, '"reason":"unknown_client"')
  t.strictSame(asked, [])
  const metadata = (await server.app.inject('/.well-known/oauth-authorization-server')).json()
  t.equal(metadata.client_id_metadata_document_supported, false)
})

t.test('a document host that is down, or whose document is gone, does not keep a person from deciding', async t => {
  for (const status of [404, 503]) {
    let isThere = true
    const { asked, server, client } = await serve(t, () => document(DOCUMENT, {}, isThere ? 200 : status))
    const page = await openSignedIn(client, (await client.start()).url)
    isThere = false
    server.clock.advance(600)
    t.match((await client.decide(page)).leavesTo, /code=/)
    t.strictSame(asked, [ID])
  }
})

t.test('a document host that is down does not keep connected clients from refreshing', async t => {
  let isDown = false
  const { client, server } = await serve(t, () => {
    if (isDown) throw new FetchFailedError('network', 'down')
    return document(DOCUMENT, { 'cache-control': 'no-store' })
  })
  const tokens = await client.connect()
  isDown = true
  server.clock.advance(86_400)
  t.equal((await client.refresh(tokens.refresh_token ?? '')).statusCode, 200)
})
