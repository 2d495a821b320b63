/** The device authorization grant, from the first question to the end of the access. */
import { type AuthorizationServerEvent, digest } from '@fastify-mcp-auth/core'
import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildDeviceServer, DEVICE_CODE, enterCode, poll, post, startDevice, TV } from '../devices.ts'
import { modelOf, ORIGIN, openSignedIn, RESOURCE, recordsOf, refusalOf, shownBy } from '../fixture.ts'

interface Tokens {
  access_token: string
  refresh_token: string
  scope: string
}

t.test('RFC 8628 3.5: of twenty polls at the same moment one gets tokens, and the others end them', async t => {
  const server = await buildDeviceServer(t)
  const events: AuthorizationServerEvent[] = []
  server.app.authorizationServer.on('code.replayed', event => void events.push(event))
  const device = await startDevice(server)
  const person = server.client()
  await person.decide(await enterCode(person, device.user_code))
  const responses = await Promise.all(Array.from({ length: 20 }, () => poll(server, device)))
  const good = responses.filter(({ statusCode }) => statusCode === 200)
  t.equal(good.length, 1)
  for (const other of responses.filter(({ statusCode }) => statusCode !== 200))
    matchesOAuthError(t, other, 'invalid_grant')
  t.equal(events.length, 19)
  const { access_token: token = '' } = good[0]?.json<Tokens>() ?? {}
  t.equal(await refusalOf(server.app.authorizationServer.verifyAccessToken(token, RESOURCE)), 'grant_revoked')
})

t.test(
  'RFC 8628 3.3: two people approve one code at the same moment: the device gets one of them, the other is told',
  async t => {
    const server = await buildDeviceServer(t)
    const device = await startDevice(server)
    const people = [server.client({ username: 'alice' }), server.client({ username: 'mallory' })]
    const pages = await Promise.all(people.map(person => enterCode(person, device.user_code)))
    const ends = await Promise.all(people.map((person, i) => person.decide(pages[i] as never)))
    const told = ends.map(page => shownBy(page)['outcome'] ?? page.statusCode)
    t.strictSame(told.toSorted(), [409, 'allowed'])
    const tokens = (await poll(server, device)).json<Tokens>()
    const { subject } = await server.app.authorizationServer.verifyAccessToken(tokens.access_token, RESOURCE)
    t.equal(subject, told[0] === 'allowed' ? 'sub-alice' : 'sub-mallory')
    const loser = told[0] === 'allowed' ? 'sub-mallory' : 'sub-alice'
    t.strictSame(
      (await server.app.authorizationServer.grants.list(loser)).grants,
      [],
      'nothing is stored for the other'
    )
    t.match(await server.storage.counts(), { grants: 1 })
  }
)

t.test(
  'GHSA-cq3f-vc6p-68fh, CVE-2026-45337: a device is allowed by the account that saw the page, in its browser, and by nobody else who is signed in',
  async t => {
    const server = await buildDeviceServer(t)
    const device = await startDevice(server)
    const [alice, mallory] = [server.client(), server.client({ username: 'mallory' })]
    await openSignedIn(mallory, device.verification_uri)
    const page = await enterCode(alice, device.user_code)
    t.equal((await mallory.browser.open(page.url)).statusCode, 403, 'the address of the page is worth nothing')
    t.equal((await mallory.decide(page)).statusCode, 403, 'nor is its form')
    alice.browser.cookies.store(`${ORIGIN}/`, ['session=mallory; Path=/'])
    t.equal((await alice.decide(page)).statusCode, 409, 'nor the form in that browser, for somebody else')
    t.equal((await poll(server, device)).json().error, 'authorization_pending')
    t.equal((await server.storage.counts())['grants'], 0)
    alice.browser.cookies.store(`${ORIGIN}/`, ['session=alice; Path=/'])
    t.equal(shownBy(await alice.decide(page))['outcome'], 'allowed')
    const tokens = (await poll(server, device)).json<Tokens>()
    const { verifyAccessToken } = server.app.authorizationServer
    t.equal((await verifyAccessToken(tokens.access_token, RESOURCE)).subject, 'sub-alice')
  }
)

t.test('RFC 8628 5.4: a link with the code allows nothing, signed in or not', async t => {
  const server = await buildDeviceServer(t)
  const device = await startDevice(server)
  t.equal(device.verification_uri, `${ORIGIN}/oauth/device`)
  t.equal(device.verification_uri_complete, `${ORIGIN}/oauth/device?user_code=${device.user_code}`)
  const person = server.client()
  for (let visit = 0; visit < 2; visit++) {
    const page = await openSignedIn(person, device.verification_uri_complete)
    t.match(shownBy(page), { status: 'device', userCode: device.user_code, problem: null })
    matchesOAuthError(t, await poll(server, device), 'authorization_pending')
    server.clock.advance(5)
  }
  t.match(await server.storage.counts(), { interactions: 0 })
})

t.test(
  'RFC 8628 5.4: what a person allowed this device is asked again for the next one, and never by browser',
  async t => {
    const server = await buildDeviceServer(t, {
      options: {
        rememberedConsent: 'all-clients',
        clients: [
          { ...TV, grant_types: [...TV.grant_types, 'authorization_code'], redirect_uris: ['https://tv.example/cb'] }
        ]
      }
    })
    const person = server.client({ clientId: 'tv', redirectUri: 'https://tv.example/cb' })
    // Also what was allowed by browser stands in for nothing here.
    await person.connect()
    for (let visit = 0; visit < 2; visit++) {
      const device = await startDevice(server)
      const page = await enterCode(person, device.user_code)
      t.match(modelOf(page), { status: 'consent', redirect: null, stepUp: false, firstTime: true })
      t.equal(modelOf(page).device?.userCode, device.user_code)
      matchesOAuthError(t, await poll(server, device), 'authorization_pending')
      t.match(shownBy(await person.decide(page)), {
        status: 'device_finished',
        outcome: 'allowed',
        client: { name: 'Television' }
      })
      t.equal((await poll(server, device)).statusCode, 200)
    }
    t.match(await server.storage.counts(), { consents: 1 })
  }
)

t.test(
  'RFC 8628 3.5: pending until somebody decides, slower for who asks too often, and denied once for good',
  async t => {
    const server = await buildDeviceServer(t)
    const device = await startDevice(server)
    t.match(device, { expires_in: 600, interval: 5 })
    matchesOAuthError(t, await poll(server, device), 'authorization_pending')
    server.clock.advance(5)
    matchesOAuthError(t, await poll(server, device), 'authorization_pending')
    server.clock.advance(4)
    matchesOAuthError(t, await poll(server, device), 'authorization_pending') // a second early is the network
    server.clock.advance(3)
    matchesOAuthError(t, await poll(server, device), 'slow_down')
    server.clock.advance(8)
    matchesOAuthError(t, await poll(server, device), 'slow_down') // ten seconds now
    server.clock.advance(15)
    matchesOAuthError(t, await poll(server, device), 'authorization_pending') // fifteen seconds then
    const person = server.client()
    const page = await person.decide(await enterCode(person, device.user_code), { decision: 'deny' })
    t.match(shownBy(page), { status: 'device_finished', outcome: 'denied' })
    for (let i = 0; i < 2; i++) matchesOAuthError(t, await poll(server, device), 'access_denied', 400)
    t.match(shownBy(await enterCode(server.client(), device.user_code)), { problem: 'used' })
  }
)

t.test('RFC 8628 3.5: of two polls at the same moment one is too many', async t => {
  const server = await buildDeviceServer(t)
  const device = await startDevice(server)
  const both = await Promise.all([poll(server, device), poll(server, device)])
  t.strictSame(both.map(response => response.json().error).toSorted(), ['authorization_pending', 'slow_down'])
})

t.test('RFC 8628 3.5: a code that is too old is expired for the device, on the page and for the decision', async t => {
  const server = await buildDeviceServer(t, { options: { deviceAuthorization: { codeTtl: 60 } } })
  const [device, decided, approved] = await Promise.all([1, 2, 3].map(() => startDevice(server)))
  if (!device || !decided || !approved) throw new Error('no devices')
  const person = server.client()
  await person.decide(await enterCode(person, approved.user_code))
  const page = await enterCode(person, decided.user_code)
  server.clock.advance(60)
  for (const one of [device, decided, approved]) matchesOAuthError(t, await poll(server, one), 'expired_token')
  t.match(shownBy(await enterCode(person, device.user_code)), { problem: 'expired' })
  t.equal((await person.decide(page)).statusCode, 410, 'nobody allows what nobody waits for')
  server.clock.advance(1)
  await server.app.authorizationServer.cleanup()
  matchesOAuthError(t, await poll(server, device), 'invalid_grant')
  const { device_authorizations: devices = 0, grants = 0 } = await server.storage.counts()
  t.strictSame({ devices, grants }, { devices: 0, grants: 0 })
})

t.test('RFC 8628 3.4: a device code is of one client, and of one server', async t => {
  const server = await buildDeviceServer(t)
  const device = await startDevice(server)
  const person = server.client()
  await person.decide(await enterCode(person, device.user_code))
  const [key, secret] = device.device_code.split('.')
  matchesOAuthError(t, await poll(server, device, { client_id: 'radio' }), 'invalid_grant')
  for (const device_code of [
    '',
    'x',
    `${key}.${'A'.repeat(43)}`,
    `${'A'.repeat(43)}.${secret}`,
    `${key}`,
    device.user_code
  ])
    t.match((await poll(server, device, { device_code })).json().error, /invalid_grant|invalid_request/, device_code)
  for (const resource of ['https://other.example/mcp', `${RESOURCE}x`])
    matchesOAuthError(t, await poll(server, device, { resource }), 'invalid_target') // and the code lives on
  t.equal((await poll(server, device)).statusCode, 200)
})

t.test('GEN-4: the grant of a device cannot be redeemed as a code, whatever is known of it', async t => {
  const server = await buildDeviceServer(t, {
    options: {
      clients: [{ ...TV, grant_types: ['authorization_code', DEVICE_CODE], redirect_uris: ['https://tv.example/cb'] }]
    }
  })
  const device = await startDevice(server)
  const person = server.client()
  await person.decide(await enterCode(person, device.user_code))
  const key = device.device_code.split('.')[0] ?? ''
  const record = await recordsOf(server).deviceAuthorizations.get(key)
  const secret = device.device_code.split('.')[1] ?? ''
  const form = { grant_type: 'authorization_code', client_id: 'tv', code_verifier: 'v'.repeat(43) }
  const stolen = await post(server, 'token', { ...form, code: `${record?.grantId}.${secret}` })
  matchesOAuthError(t, stolen, 'invalid_grant')
  // Even with the digest of a known secret in its place: there is no verifier for no challenge.
  await recordsOf(server).grants.update(record?.grantId ?? '', {}, { codeDigest: digest(secret) })
  matchesOAuthError(t, await post(server, 'token', { ...form, code: `${record?.grantId}.${secret}` }), 'invalid_grant')
  t.equal((await poll(server, device)).statusCode, 200)
})

t.test(
  'the grant is like any other: listed, refreshed, introspected, revoked, with its events and its props',
  async t => {
    const events: AuthorizationServerEvent[] = []
    let asked = 0
    const server = await buildDeviceServer(t, {
      options: { onEvent: event => void events.push(event) },
      users: {
        props: () => {
          asked++
          return { upstream: 'token' }
        }
      }
    })
    const { authorizationServer } = server.app
    const device = await startDevice(server, { scope: 'notes:read notes:write' })
    const person = server.client()
    await person.decide(await enterCode(person, device.user_code), { scopes: ['notes:read'] })
    t.strictSame(
      (await authorizationServer.grants.list('sub-alice')).grants,
      [],
      'not connected before the device came'
    )
    t.equal(asked, 0)
    const tokens = (await poll(server, device)).json<Tokens>()
    t.equal(tokens.scope, 'notes:read')
    t.equal(asked, 1)
    const verified = await authorizationServer.verifyAccessToken(tokens.access_token, RESOURCE)
    t.match(verified, {
      subject: 'sub-alice',
      props: { upstream: 'token' },
      claims: { client_id: 'tv', aud: RESOURCE }
    })
    t.match((await authorizationServer.grants.describe('sub-alice')).apps, [{ client: { name: 'Television' } }])
    const refreshed = await post(server, 'token', {
      grant_type: 'refresh_token',
      client_id: 'tv',
      refresh_token: tokens.refresh_token
    })
    const next = refreshed.json<Tokens>()
    t.match(await authorizationServer.verifyAccessToken(next.access_token, RESOURCE), { props: { upstream: 'token' } })
    t.equal((await post(server, 'revoke', { client_id: 'tv', token: next.refresh_token })).statusCode, 200)
    t.equal(await refusalOf(authorizationServer.verifyAccessToken(next.access_token, RESOURCE)), 'grant_revoked')
    const steps = events.filter(({ type }) => !type.startsWith('key.'))
    t.notOk(
      steps.some(({ requestId }) => requestId === null),
      'each of a request'
    )
    const types = steps.map(({ type }) => type)
    t.strictSame(types, [
      'device.requested',
      'authorization.requested',
      'authorization.approved',
      'grant.created',
      'token.issued',
      'token.issued',
      'grant.revoked'
    ])
    t.match(
      events.find(({ type }) => type === 'token.issued'),
      { grantType: DEVICE_CODE }
    )
  }
)

for (const revoke of ['by the administrator', 'with the account', 'with the scopes'] as const)
  t.test(`what was allowed to a device and not fetched yet ends ${revoke}`, async t => {
    let allowed = ['notes:read', 'notes:write']
    const server = await buildDeviceServer(t, { users: { allowedScopes: () => allowed } })
    const device = await startDevice(server)
    const person = server.client()
    await person.decide(await enterCode(person, device.user_code))
    if (revoke === 'by the administrator')
      t.equal(await server.app.authorizationServer.grants.revokeAll({ subject: 'sub-alice' }), 1)
    else if (revoke === 'with the account') server.accounts.gone.add('sub-alice')
    else allowed = []
    matchesOAuthError(t, await poll(server, device), 'invalid_grant')
  })

t.test('TK-1, RFC 8628 3.5: what was allowed for a shorter time than a device may take has expired for it', async t => {
  const options = { grantTtl: 60, refreshTokenTtl: 60 }
  const server = await buildDeviceServer(t, { options })
  const [soon, late] = [await startDevice(server), await startDevice(server)]
  const person = server.client()
  for (const device of [soon, late]) await person.decide(await enterCode(person, device.user_code))
  server.clock.advance(59)
  t.match((await poll(server, soon)).json(), { expires_in: 1 })
  server.clock.advance(1)
  matchesOAuthError(t, await poll(server, late), 'expired_token')
})

t.test('RFC 8628 3.3: nobody allows a device anything whose client was removed meanwhile', async t => {
  const server = await buildDeviceServer(t)
  const { clientId } = await server.app.authorizationServer.clients.register({
    client_name: 'Lamp',
    grant_types: [DEVICE_CODE],
    redirect_uris: [],
    token_endpoint_auth_method: 'none'
  })
  const device = await startDevice(server, { client_id: clientId })
  const person = server.client()
  const page = await enterCode(person, device.user_code)
  await server.app.authorizationServer.clients.remove(clientId)
  const answer = await person.decide(page)
  t.equal(answer.statusCode, 410)
  t.match(answer.body, '"reason":"client_forgotten","clientName":"Lamp"')
  t.match(await server.storage.counts(), { grants: 0 })
})

t.test('RFC 8628 3.5: what is revoked while a device fetches it gives no tokens, and no alarm', async t => {
  let revoke = async (): Promise<unknown> => null
  const server = await buildDeviceServer(t, { users: { props: () => revoke() } })
  const { grants, on } = server.app.authorizationServer
  const alarms: unknown[] = []
  on('code.replayed', event => alarms.push(event))
  const device = await startDevice(server)
  const person = server.client()
  await person.decide(await enterCode(person, device.user_code))
  revoke = () => grants.revokeAll({ subject: 'sub-alice' })
  matchesOAuthError(t, await poll(server, device), 'invalid_grant')
  t.strictSame(alarms, [])
})

t.test(
  'TK-2: an outage in the moment between the yes and the grant leaves the device waiting, and the same yes mends it',
  async t => {
    const server = await buildDeviceServer(t)
    const device = await startDevice(server)
    const person = server.client()
    const page = await enterCode(person, device.user_code)
    server.storage.failNextInsert('grants')
    t.equal((await person.decide(page)).statusCode, 503)
    matchesOAuthError(t, await poll(server, device), 'authorization_pending')
    t.match(shownBy(await person.decide(page)), { outcome: 'allowed' })
    t.equal((await poll(server, device)).statusCode, 200)
  }
)

t.test('GEN-6: neither code is in the storage or the log, and the user code is not even a plain digest', async t => {
  const server = await buildDeviceServer(t)
  const device = await startDevice(server)
  const person = server.client()
  await person.decide(await enterCode(person, device.user_code))
  const plain = device.user_code.replace('-', '')
  const secret = device.device_code.split('.')[1] ?? ''
  const dump = await server.storage.dump()
  for (const value of [device.user_code, plain, digest(plain), digest(device.user_code), secret, device.device_code])
    t.notOk(dump.includes(value), value)
  const { access_token: token = '' } = (await poll(server, device)).json<Tokens>()
  for (const value of [secret, device.device_code, token]) t.notOk(server.log.some(line => line.includes(value)))
})

t.test('a key ring that is rotated between the code and its entry knows both', async t => {
  const keys = ['a', 'b'].map(letter => Buffer.from(`${letter.repeat(31)}x`).toString('base64'))
  const [old = '', fresh = ''] = keys
  const before = await buildDeviceServer(t, { options: { encryptionKeys: [old] } })
  const device = await startDevice(before)
  const after = await buildDeviceServer(t, { storage: before.storage, options: { encryptionKeys: [fresh, old] } })
  const person = after.client()
  const page = await enterCode(person, device.user_code)
  t.equal(modelOf(page).device?.userCode, device.user_code)
  await person.decide(page)
  t.equal((await poll(after, device)).statusCode, 200)
})
