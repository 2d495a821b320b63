/** The endpoint where devices begin, and the page where people enter what they show. */
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { readUserCode } from '../../src/authorization/user-code.ts'
import { buildDeviceServer, DEVICE_CODE, enterCode, poll, post, startDevice, TV } from '../devices.ts'
import { buildServer, modelOf, ORIGIN, openSignedIn, RESOURCE, shownBy } from '../fixture.ts'

t.test('without the option none of it exists', async t => {
  const server = await buildServer(t)
  t.equal(server.app.authorizationServer.devices, null)
  t.equal((await post(server, 'device_authorization', { client_id: 'tv' })).statusCode, 404)
  t.equal((await server.app.inject('/oauth/device')).statusCode, 404)
  const metadata = (await server.app.inject('/.well-known/oauth-authorization-server')).json()
  t.notOk('device_authorization_endpoint' in metadata)
  t.notOk(metadata.grant_types_supported.includes(DEVICE_CODE))
  await t.rejects(buildServer(t, { options: { clients: [TV] } }), { message: /"tv" is for devices/ })
})

t.test('RFC 8628 4: with it the metadata says so', async t => {
  const server = await buildDeviceServer(t)
  t.match((await server.app.inject('/.well-known/oauth-authorization-server')).json(), {
    device_authorization_endpoint: `${ORIGIN}/oauth/device_authorization`,
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', DEVICE_CODE]
  })
})

t.test('RFC 8628 3.1: only clients that registered the grant type may ask, for what there is', async t => {
  const server = await buildDeviceServer(t, {
    options: { clients: [TV, { client_id: 'web', client_name: 'Web', redirect_uris: ['https://web.example/cb'] }] }
  })
  const ask = (form: Record<string, string>) => post(server, 'device_authorization', form)
  matchesOAuthError(t, await ask({ client_id: 'web' }), 'unauthorized_client')
  matchesOAuthError(t, await ask({ client_id: 'nobody' }), 'invalid_client')
  matchesOAuthError(t, await ask({}), 'invalid_client')
  matchesOAuthError(t, await ask({ client_id: 'tv', resource: 'https://other.example' }), 'invalid_target')
  matchesOAuthError(t, await ask({ client_id: 'tv', scope: 'unknown' }), 'invalid_scope')
  matchesOAuthError(
    t,
    await post(server, 'token', { grant_type: DEVICE_CODE, client_id: 'web' }),
    'unauthorized_client'
  )
  matchesOAuthError(t, await post(server, 'token', { grant_type: DEVICE_CODE, client_id: 'tv' }), 'invalid_request')
  t.equal((await server.storage.counts())['device_authorizations'] ?? 0, 0)
})

t.test('RFC 7591 2: a device registers without redirect URIs, and cannot send anybody anywhere', async t => {
  const server = await buildDeviceServer(t)
  const metadata = { client_name: 'Kettle', grant_types: [DEVICE_CODE], token_endpoint_auth_method: 'none' }
  const response = await server.app.inject({ method: 'POST', url: '/oauth/register', payload: metadata })
  t.equal(response.statusCode, 201)
  t.match(response.json(), { redirect_uris: [], grant_types: [DEVICE_CODE], response_types: [] })
  const { client_id } = response.json()
  const device = await startDevice(server, { client_id })
  const person = server.client()
  await person.decide(await enterCode(person, device.user_code))
  t.match((await poll(server, device, { client_id })).json(), { token_type: 'Bearer', refresh_token: undefined })
  const url = `/oauth/authorize?client_id=${client_id}&redirect_uri=https://evil.example&response_type=code`
  const page = await server.app.inject(url)
  t.equal(page.statusCode, 400)
  t.notOk(page.headers.location)
  const without = await buildServer(t)
  const refused = await without.app.inject({ method: 'POST', url: '/oauth/register', payload: metadata })
  matchesOAuthError(t, refused, 'invalid_client_metadata')
})

t.test('RFC 8628 6.1: a code is eight letters that nobody confuses, however it is typed', async t => {
  const server = await buildDeviceServer(t)
  const { user_code: code } = await startDevice(server)
  t.match(code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
  const plain = code.replace('-', '')
  for (const typed of [
    code,
    plain,
    plain.toLowerCase(),
    ` ${plain.split('').join(' ')} `,
    code.replace('-', '‑'),
    code.replace('-', '–')
  ])
    t.equal(readUserCode(typed), plain, typed)
  for (const typed of [
    '',
    plain.slice(1),
    `${plain}B`,
    'ABCDEFGH',
    plain.replace(/.$/, '0'),
    'x'.repeat(10_000),
    `${plain}\u0000`
  ])
    t.equal(readUserCode(typed), null)
  const person = server.client()
  t.match(modelOf(await enterCode(person, ` ${plain.toLowerCase()} `)), { status: 'consent' })
})

t.test(
  'RFC 8628 5.1: guessing is refused after ten codes a minute, for a person at any address and for an address',
  async t => {
    const server = await buildDeviceServer(t, { options: { rateLimit: {} }, fastify: { trustProxy: true } })
    const device = await startDevice(server)
    const events: unknown[] = []
    server.app.authorizationServer.on('device.entry_refused', event => void events.push(event))
    const guess = async (username: string, address: string): Promise<number> => {
      const person = server.client({ username })
      const page = await openSignedIn(person, `${ORIGIN}/oauth/device`)
      const proof = String(shownBy(page)['proof'])
      const response = await server.app.inject({
        method: 'POST',
        url: '/oauth/device',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-forwarded-for': address,
          cookie: person.browser.cookies.header(`${ORIGIN}/oauth/device`)
        },
        payload: new URLSearchParams({ user_code: 'BBBB-BBBB', proof }).toString()
      })
      return response.statusCode
    }
    for (let i = 0; i < 10; i++) t.equal(await guess('alice', `192.0.2.${i}`), 303)
    t.match(events[0], { requestId: /^req-/ })
    t.equal(await guess('alice', '192.0.2.99'), 429, 'another address is no other person')
    t.equal(events.length, 10)
    t.match(events[0], { subject: 'sub-alice', reason: 'unknown' })
    for (let i = 0; i < 40; i++) t.equal(await guess(`bot${Math.floor(i / 10)}`, '198.51.100.1'), 303)
    t.equal(await guess('bot9', '198.51.100.1'), 429, 'many accounts are no other address')
    t.equal(await guess('bob', '203.0.113.1'), 303)
    const person = server.client({ username: 'carol' })
    t.match(modelOf(await enterCode(person, device.user_code)), { status: 'consent' })
  }
)

t.test('RFC 8628 5.1: one code is entered five times at most', async t => {
  const server = await buildDeviceServer(t)
  const device = await startDevice(server)
  for (let i = 0; i < 5; i++)
    t.match(modelOf(await enterCode(server.client(), device.user_code)), { status: 'consent' })
  t.match(shownBy(await enterCode(server.client(), device.user_code)), {
    status: 'device',
    problem: 'used',
    userCode: null
  })
})

t.test('a form of another site, of another browser or for another account enters nothing', async t => {
  const server = await buildDeviceServer(t)
  const device = await startDevice(server)
  const page = await openSignedIn(server.client(), `${ORIGIN}/oauth/device`)
  const stolen = String(shownBy(page)['proof'])
  const person = server.client()
  await openSignedIn(person, `${ORIGIN}/oauth/device`)
  const cookie = person.browser.cookies.header(`${ORIGIN}/oauth/device`)
  const own = String(shownBy(await openSignedIn(person, `${ORIGIN}/oauth/device`))['proof'])
  const enter = (form: Record<string, string>, headers: Record<string, string>) =>
    server.app.inject({
      method: 'POST',
      url: '/oauth/device',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(form).toString()
    })
  const user_code = device.user_code
  t.equal((await enter({ user_code, proof: stolen }, { cookie })).statusCode, 403, 'of another browser')
  t.equal((await enter({ user_code, proof: '' }, { cookie })).statusCode, 403)
  t.equal((await enter({ user_code }, { cookie })).statusCode, 400)
  t.equal(
    (await enter({ user_code, proof: own }, { cookie: cookie.replace('alice', 'bob') })).statusCode,
    403,
    'of bob'
  )
  for (const headers of [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' }
  ])
    t.equal((await enter({ user_code, proof: own }, { cookie, ...headers })).statusCode, 403)
  const signedOut = await enter({ user_code, proof: own }, { cookie: cookie.replace(/session=[^;]+/, 'x=y') })
  t.match(signedOut.headers.location, /^\/login\?returnTo=/)
  t.equal((await server.storage.counts())['interactions'] ?? 0, 0)
  t.equal((await enter({ user_code, proof: own }, { cookie, origin: ORIGIN })).statusCode, 303)
})

t.test('what was decided is told to the browser that decided, and to no other', async t => {
  const server = await buildDeviceServer(t)
  const device = await startDevice(server)
  const person = server.client()
  const end = await person.decide(await enterCode(person, device.user_code))
  t.match(end.url, /\/oauth\/device\?finished=/)
  t.match(shownBy(await person.browser.open(end.url)), { status: 'device_finished', outcome: 'allowed' })
  const other = server.client()
  t.match(shownBy(await openSignedIn(other, end.url)), { status: 'device' })
  t.match(shownBy(await person.browser.open(`${ORIGIN}/oauth/device?finished=${'A'.repeat(43)}`)), { status: 'device' })
  t.match(shownBy(await person.browser.open(`${ORIGIN}/oauth/device?problem=%3Cscript%3E`)), { problem: null })
})

t.test('the app serves the page itself, and nobody has to be registered for it', async t => {
  const server = await buildDeviceServer(t, { options: { deviceAuthorization: { pageUrl: '/activate' } } })
  const device = await startDevice(server)
  t.equal(device.verification_uri, `${ORIGIN}/activate`)
  t.equal(device.verification_uri_complete, `${ORIGIN}/activate?user_code=${device.user_code}`)
})

t.test('the boot is refused when nobody serves the page', async t => {
  const { default: Fastify } = await import('fastify')
  const { default: authorizationServer } = await import('../../src/index.ts')
  const { memoryStorage } = await import('@fastify-mcp-auth/core/memory')
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(authorizationServer, {
    issuer: ORIGIN,
    storage: memoryStorage(),
    users: { current: () => null, loginUrl: () => '/', subject: String, find: () => null, displayName: String },
    resources: { [RESOURCE]: { name: 'Notes', scopes: { 'notes:read': 'Read' } } },
    interactionUrl: handle => `/ask/${handle}`,
    deviceAuthorization: {}
  })
  await t.rejects(async () => app.ready(), {
    code: 'FST_OAUTH_MISSING_PLUGIN',
    message: /deviceAuthorization\.pageUrl/
  })
})
