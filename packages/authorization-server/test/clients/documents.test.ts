/** Where metadata documents are kept, how often they are asked for, and who may have one. */
import { randomBytes } from 'node:crypto'
import { FetchFailedError, type SafeResponse, UnavailableError } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { type BuildOptions, buildServer, CALLBACK, ORIGIN, recordsOf } from '../fixture.ts'
import { createSigner } from './signer.ts'

const ID = 'https://client.example/oauth/client.json'
const JWKS_URI = 'https://keys.example/jwks.json'
const DOCUMENT = {
  client_id: ID,
  client_name: 'Example',
  redirect_uris: [CALLBACK],
  token_endpoint_auth_method: 'none'
}
const DAY = 86_400

/** A web that answers with what stands at a URL, or throws it. */
async function serve(t: Test, build: BuildOptions = {}) {
  const asked: string[] = []
  const web = new Map<string, unknown>([[ID, DOCUMENT]])
  const headers: Record<string, string> = {}
  const fetch = async (url: string): Promise<SafeResponse> => {
    asked.push(url)
    const body = web.get(url)
    if (body instanceof Error) throw body
    const type = { 'content-type': 'application/json', ...headers }
    return { status: body === undefined ? 404 : 200, headers: type, body: Buffer.from(JSON.stringify(body ?? {})) }
  }
  const options = { encryptionKeys: [randomBytes(32).toString('base64')], ...build.options, fetch }
  const server = await buildServer(t, { ...build, options })
  const client = server.client({ clientId: ID })
  const open = async (clientId = ID, remoteAddress = '127.0.0.1') => {
    const { url } = await client.start({ parameters: { client_id: clientId } })
    return server.app.inject({ url: url.slice(ORIGIN.length), remoteAddress })
  }
  return { asked, web, headers, options, server, client, open }
}

t.test('REG-5: a document with keys has to sign, and one that lists none as well need not', async t => {
  const { web, server, client } = await serve(t)
  const signer = await createSigner(() => ID, server.clock.now)
  const signs = { ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [signer.jwk] } }
  web.set(ID, signs)
  const answer = await client.authorize()
  matchesOAuthError(t, await client.redeem(answer), 'invalid_client', 401)
  const tokens = (await client.redeem(answer, await signer.proof())).json<Record<string, string>>()
  t.ok(tokens['access_token'])
  matchesOAuthError(t, await client.refresh(tokens['refresh_token'] ?? ''), 'invalid_client', 401)
  matchesOAuthError(t, await client.revoke(tokens['refresh_token'] ?? ''), 'invalid_client', 401)
  t.equal((await client.refresh(tokens['refresh_token'] ?? '', await signer.proof())).statusCode, 200)

  web.set(ID, { ...signs, token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'] })
  server.clock.advance(300)
  const other = await client.connect()
  t.ok(other.access_token, 'without a proof')
  t.equal((await client.refresh(other.refresh_token ?? '', await signer.proof())).statusCode, 200, 'and with one')
})

t.test('REG-5: keys behind jwks_uri are fetched, kept and followed when they change', async t => {
  const { asked, web, server, client } = await serve(t)
  const [first, second] = await Promise.all([1, 2].map(() => createSigner(() => ID, server.clock.now)))
  web.set(ID, { ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: JWKS_URI })
  web.set(JWKS_URI, { keys: [first?.jwk] })
  const answer = await client.authorize()
  const { refresh_token: token } = (await client.redeem(answer, await first?.proof())).json<Record<string, string>>()
  t.strictSame(asked, [ID, JWKS_URI])
  web.set(JWKS_URI, { keys: [second?.jwk] })
  server.clock.advance(60)
  const refreshed = await client.refresh(token ?? '', await second?.proof())
  t.equal(refreshed.statusCode, 200)
  matchesOAuthError(t, await client.refresh('x', await first?.proof()), 'invalid_client', 401)
})

t.test('REG-7: what a document says now counts at the token endpoint, when the client signs', async t => {
  const { web, server, client } = await serve(t)
  const signer = await createSigner(() => ID, server.clock.now)
  const signs = { ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [signer.jwk] } }
  web.set(ID, signs)
  const answer = await client.authorize()
  server.clock.advance(50)
  const tokens = (await client.redeem(answer, await signer.proof())).json<Record<string, string>>()
  const refresh = async () => client.refresh(tokens['refresh_token'] ?? '', await signer.proof())
  server.clock.advance(300)
  web.set(ID, new FetchFailedError('network', 'down'))
  t.equal((await refresh()).statusCode, 200, 'an outage of its host changes nothing for an hour')
  server.clock.advance(3600)
  const late = await refresh()
  matchesOAuthError(t, late, 'temporarily_unavailable')
  t.equal(late.statusCode, 503)
  server.clock.advance(10)
  web.set(ID, { ...signs, jwks: { keys: [(await createSigner(() => ID, server.clock.now)).jwk] } })
  matchesOAuthError(t, await refresh(), 'invalid_client', 401)
  server.clock.advance(300)
  web.delete(ID)
  matchesOAuthError(t, await refresh(), 'invalid_client', 401)
})

t.test('REG-9: what one process has read, another need not fetch; each keeps within the freshness', async t => {
  const one = await serve(t)
  const two = await serve(t, { storage: one.server.storage, options: one.options })
  await one.open()
  t.equal((await two.open()).statusCode, 303)
  t.strictSame([one.asked.length, two.asked.length], [1, 0])
  two.server.clock.advance(300)
  await two.open()
  t.strictSame(two.asked, [ID])
  one.server.clock.advance(300)
  await one.open()
  t.equal(one.asked.length, 1, 'what the other has fetched is fresh here, too')
})

t.test('REG-9: a document of a connected client is kept as long as its grant, and refreshes ask nobody', async t => {
  const { asked, web, options, server, client } = await serve(t)
  let { refresh_token: token = '' } = await client.connect()
  web.set(ID, new FetchFailedError('network', 'down'))
  for (const days of [29, 29, 29]) {
    server.clock.advance(days * DAY)
    await server.app.authorizationServer.cleanup()
    const other = await buildServer(t, { storage: server.storage, options })
    other.clock.advance(server.clock.now() - other.clock.now())
    const refreshed = await other.client({ clientId: ID }).refresh(token)
    t.equal(refreshed.statusCode, 200, 'also in a process that was just started')
    token = refreshed.json<{ refresh_token: string }>().refresh_token
  }
  t.strictSame(asked, [ID])
  server.clock.advance(365 * DAY)
  await server.app.authorizationServer.cleanup()
  t.equal(await recordsOf(server).clientDocuments.get(ID), null)
})

t.test(
  'REG-5: a document that demands keys now does so in every process, whatever that process has read before',
  async t => {
    const one = await serve(t)
    const two = await serve(t, { storage: one.server.storage, options: one.options })
    const { refresh_token: token = '' } = await one.client.connect()
    const signer = await createSigner(() => ID, one.server.clock.now)
    two.web.set(ID, { ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [signer.jwk] } })
    for (const { clock } of [one.server, two.server]) clock.advance(300)
    t.equal((await two.open()).statusCode, 303)
    matchesOAuthError(t, await one.client.refresh(token), 'invalid_client', 401)
  }
)

t.test('REG-9: reading a document anew does not shorten what a grant has asked for', async t => {
  const { open, server, client } = await serve(t)
  await open()
  server.clock.advance(300)
  await client.connect()
  const { clientDocuments } = recordsOf(server)
  const { expiresAt = 0 } = (await clientDocuments.get(ID)) ?? {}
  t.ok(expiresAt >= server.clock.now() + 90 * DAY)
  server.clock.advance(300)
  await open()
  t.equal((await clientDocuments.get(ID))?.expiresAt, expiresAt)
})

t.test('REG-9: a document that led to nothing is forgotten', async t => {
  const { open, server } = await serve(t)
  await open()
  const { clientDocuments } = recordsOf(server)
  t.ok(await clientDocuments.get(ID))
  server.clock.advance(2 * DAY + 1)
  await server.app.authorizationServer.cleanup()
  t.equal(await clientDocuments.get(ID), null)
})

t.test('REG-9: when nobody knows the document any more, its host is asked; an outage is 503', async t => {
  const { options, server, client } = await serve(t)
  const { refresh_token: token = '' } = await client.connect()
  await recordsOf(server).clientDocuments.remove(ID)
  const other = await serve(t, { storage: server.storage, options })
  other.web.set(ID, new FetchFailedError('network', 'down'))
  const response = await other.client.refresh(token)
  matchesOAuthError(t, response, 'temporarily_unavailable')
  t.equal(response.statusCode, 503)
  other.web.set(ID, DOCUMENT)
  other.server.clock.advance(10)
  t.equal((await other.client.refresh(token)).statusCode, 200)
})

t.test('RFC 9111 4.2.3: what a cache on the way has used up is not used again', async t => {
  for (const [headers, seconds] of [
    [{ 'cache-control': 'max-age=600', age: '540' }, 60],
    [{ 'cache-control': 'max-age=600', age: '700' }, 0],
    [{ 'cache-control': 'max-age=600', age: 'x' }, 600]
  ] as const) {
    const { asked, open, server, ...site } = await serve(t)
    Object.assign(site.headers, headers)
    await open()
    if (seconds > 0) {
      server.clock.advance(seconds - 1)
      await open()
      t.equal(asked.length, 1)
      server.clock.advance(1)
    }
    await open()
    t.equal(asked.length, 2)
  }
})

for (const [what, answer, status] of [
  ['is not there', undefined, 400],
  ['cannot be reached', new FetchFailedError('timeout', 'no answer'), 503]
] as const)
  t.test(
    `a document that ${what} is not asked for again within seconds; then it is, and what was mended works`,
    async t => {
      const { asked, web, open, server } = await serve(t)
      web.set(ID, answer)
      for (let i = 0; i < 20; i++) t.equal((await open()).statusCode, status)
      t.equal(asked.length, 1)
      t.equal(await recordsOf(server).clientDocuments.get(ID), null, 'no failure is stored')
      web.set(ID, DOCUMENT)
      server.clock.advance(10)
      t.equal((await open()).statusCode, 303)
      t.equal(asked.length, 2)
    }
  )

t.test('REG-9: an outage of our storage is not held against the document', async t => {
  const { open, server } = await serve(t)
  server.storage.failNextInsert('client_documents')
  t.equal((await open()).statusCode, 503)
  t.equal((await open()).statusCode, 303)
})

/** Documents of one host that nobody knows yet. */
function strangers(web: Map<string, unknown>, host = 'client.example'): string[] {
  const ids = Array.from({ length: 12 }, (_, i) => `https://${host}/stranger-${i}.json`)
  for (const id of ids) web.set(id, { ...DOCUMENT, client_id: id })
  return ids
}

const STRANGER = '192.0.2.66'

t.test('one host is asked so often in a minute, whatever the client ids; others are asked all the same', async t => {
  const { asked, web, open, server } = await serve(t, { options: { fetchesPerHost: 8 } })
  const ids = strangers(web, 'busy.example')
  const answers = []
  for (const [i, id] of ids.entries()) answers.push(await open(id, `192.0.2.${i}`))
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [...Array(8).fill(303), ...Array(4).fill(503)]
  )
  t.equal(answers.at(-1)?.headers['retry-after'], '60')
  t.equal(asked.length, 8)
  t.equal((await open()).statusCode, 303, 'another host')
  t.equal((await open(ids[0])).statusCode, 303, 'what is known is not asked')
  server.clock.advance(60)
  t.equal((await open(ids[11])).statusCode, 303)
})

t.test('an address gets a quarter of what a host has, and nobody else is refused for it', async t => {
  const { asked, web, open } = await serve(t, { options: { fetchesPerHost: 8 } })
  const [first, second, third, ...rest] = strangers(web)
  const statuses = []
  for (const id of [first, second, third, ...rest]) statuses.push((await open(id, STRANGER)).statusCode)
  t.strictSame(statuses, [303, 303, ...Array(10).fill(503)])
  t.equal(asked.length, 2)
  t.equal((await open(third, '198.51.100.7')).statusCode, 303, 'the very document that was refused to the other')
})

t.test('a document that is known is read anew, whatever else a stranger makes us ask of its host', async t => {
  const { asked, web, open, server } = await serve(t, { options: { fetchesPerHost: 4 } })
  t.equal((await open()).statusCode, 303)
  server.clock.advance(300)
  for (const [i, id] of strangers(web).entries()) await open(id, `192.0.2.${i}`)
  t.equal(asked.length, 5)
  web.set(ID, { ...DOCUMENT, client_name: 'Renamed' })
  t.equal((await open()).statusCode, 303)
  t.equal(asked.at(-1), ID)
  t.equal((await recordsOf(server).clientDocuments.get(ID))?.metadata.client_name, 'Renamed')
})

t.test('a document that may not be kept is asked for so often, and then stays as it was a moment ago', async t => {
  const { asked, headers, web, open, server } = await serve(t, { options: { fetchesPerHost: 4 } })
  headers['cache-control'] = 'no-store'
  for (let i = 0; i < 20; i++) await open(ID, STRANGER)
  t.equal(asked.length, 5, 'once as a stranger, then as often as one that is known')
  t.equal((await open()).statusCode, 303)
  t.equal(asked.length, 5)
  server.clock.advance(60)
  web.delete(ID)
  t.equal((await open()).statusCode, 400)
})

t.test('keys of a client are read anew, whatever strangers make us ask of their host', async t => {
  const { asked, web, server, client, open } = await serve(t, { options: { fetchesPerHost: 2 } })
  const [first, second] = await Promise.all([1, 2].map(() => createSigner(() => ID, server.clock.now)))
  const keys = 'https://client.example/jwks.json'
  web.set(ID, { ...DOCUMENT, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: keys })
  web.set(keys, { keys: [first?.jwk] })
  const answer = await client.authorize()
  const { refresh_token: token } = (await client.redeem(answer, await first?.proof())).json<Record<string, string>>()
  server.clock.advance(60)
  for (const [i, id] of strangers(web).entries()) await open(id, `192.0.2.${i}`)
  web.set(keys, { keys: [second?.jwk] })
  t.equal((await client.refresh(token ?? '', await second?.proof())).statusCode, 200)
  t.equal(asked.at(-1), keys)
})

t.test(
  'REG-13: a host that the app does not allow is not even asked, and what was read from it before is worth nothing',
  async t => {
    const hosts: string[] = []
    let blocked = ''
    const { asked, open, client } = await serve(t, {
      options: {
        clientIdMetadataDocuments: {
          allowHost: async host => {
            hosts.push(host)
            return host !== blocked
          }
        }
      }
    })
    const { refresh_token: token = '' } = await client.connect()
    blocked = 'client.example'
    const before = asked.length
    const page = await open()
    t.equal(page.statusCode, 400)
    t.match(page.body, '"reason":"client_metadata"')
    matchesOAuthError(t, await client.refresh(token), 'invalid_client', 401)
    t.equal((await open('https://client.example/other.json')).statusCode, 400)
    t.equal(asked.length, before)
    t.strictSame([...new Set(hosts)], ['client.example'])
  }
)

t.test('REG-13: the app decides about a client by its document', async t => {
  const seen: unknown[] = []
  const { open, server } = await serve(t, {
    options: {
      clientIdMetadataDocuments: {
        allowClient: client => {
          seen.push(client)
          return client.metadata.client_name !== 'Example'
        }
      }
    }
  })
  const page = await open()
  t.equal(page.statusCode, 400)
  t.match(page.body, '"reason":"client_metadata"')
  t.match(seen, [
    { clientId: ID, host: 'client.example', metadata: { client_name: 'Example', redirect_uris: [CALLBACK] } }
  ])
  t.match(await server.storage.counts(), { interactions: 0 })
})

for (const [what, rule, status] of [
  ['fails', () => Promise.reject(new Error('down')), 503],
  ['says that it is unavailable', () => Promise.reject(new UnavailableError('down')), 503],
  ['answers nothing', () => undefined as unknown as boolean, 400],
  ['answers a word', () => 'no' as unknown as boolean, 400]
] as const)
  t.test(`REG-13: a rule of the app that ${what} opens nothing`, async t => {
    for (const name of ['allowHost', 'allowClient']) {
      const { open } = await serve(t, { options: { clientIdMetadataDocuments: { [name]: rule } } })
      t.equal((await open()).statusCode, status, name)
    }
  })

t.test('RFC 7591 2.2: a document may name its client in several languages', async t => {
  const { web, client } = await serve(t)
  web.set(ID, { ...DOCUMENT, 'client_name#ja': '例' })
  const page = await client.login(await client.browser.open((await client.start()).url))
  t.match(page.body, '"names":{"ja":"例"}')
})
