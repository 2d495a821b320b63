/** A person connects: from the first challenge of the server to a call with the token, and everything that must stop on the way. */
import { fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { alice, BINDING, bob, createWorld } from './world.ts'

t.test('AZ-1, AZ-5, TK-4, REG-17: discovery, registration, S256 and resource lead to a token that works', async t => {
  const { connect, whoami, connections, issuer, server, events } = await createWorld(t)
  const done = await connect()
  t.match(done, { outcome: 'connected', returnTo: null, connection: { status: 'active', hasRefreshToken: true } })
  t.equal(await whoami(), 'alice')
  const [client] = issuer.records.clients.values()
  t.match(client?.metadata, {
    grant_types: ['authorization_code', 'refresh_token'],
    application_type: 'native',
    redirect_uris: [connections.urls.callback]
  })
  const [grant] = issuer.records.grants.values()
  t.equal(grant?.resource, server.resource, 'byte for byte what the server calls itself')
  t.match(
    events.map(({ type }) => type),
    ['registration.created', 'flow.started', 'connected']
  )
  t.notMatch(JSON.stringify(events), [...issuer.records.accessTokens.keys()][0] ?? 'no token')
})

t.test('item 6: two people and two tabs at once do not meet, and one client is enough for all', async t => {
  const { connections, whoami, issuer } = await createWorld(t)
  const starts = await Promise.all(
    [alice, bob, alice].map(owner => connections.start(owner, 'notes', { binding: `${BINDING} ${owner.id}` }))
  )
  t.equal(issuer.records.clients.size, 1)
  const owners = [alice, bob, alice]
  for (const index of [2, 1, 0]) {
    const owner = owners[index] ?? alice
    const params = await walkAuthorization(starts[index]?.url ?? '', { username: owner.id })
    await connections.complete({ params, binding: `${BINDING} ${owner.id}`, owner })
  }
  t.strictSame(await Promise.all([whoami(alice), whoami(bob)]), ['alice', 'bob'])
})

t.test('AZ-9: a foreign browser, a foreign or missing owner: refused, and the flow can still be completed', async t => {
  const { connections, issuer, events } = await createWorld(t)
  const { url } = await connections.start(alice, 'notes', { binding: BINDING, returnTo: '/settings?tab=1' })
  const params = await walkAuthorization(url)
  const attempts = [
    { binding: 'the-cookie-of-another-browser', owner: alice, reason: 'foreign_browser' },
    { binding: null, owner: alice, reason: 'foreign_browser' },
    { binding: BINDING, owner: bob, reason: 'foreign_owner' },
    { binding: BINDING, owner: { ...alice, tenant: 'acme' }, reason: 'foreign_owner' },
    { binding: BINDING, owner: null, reason: 'signed_out' }
  ]
  for (const { reason, ...attempt } of attempts)
    await t.rejects(connections.complete({ params, ...attempt }), { code: 'MCP_FLOW_MISMATCH', reason }, reason)
  t.equal(issuer.count('token'), 0, 'the code was sent nowhere')
  t.equal(events.filter(({ type }) => type === 'flow.failed').length, attempts.length)
  t.equal((await connections.status(alice, 'notes')).status, 'pending')
  const done = await connections.complete({ params, binding: BINDING, owner: alice })
  t.equal(done.returnTo, '/settings?tab=1')
})

t.test('5.7 callback replay: the second time changes nothing and is no error; an unknown state is one', async t => {
  const { connections, issuer } = await createWorld(t)
  const { url } = await connections.start(alice, 'notes', { binding: BINDING })
  const params = await walkAuthorization(url)
  const complete = () => connections.complete({ params, binding: BINDING, owner: alice })
  t.equal((await complete()).outcome, 'connected')
  t.equal((await complete()).outcome, 'already')
  t.equal(issuer.count('token'), 1)
  for (const state of ['', 'x', `${params.get('state')}x`])
    await t.rejects(connections.complete({ params: { state, code: 'c' }, binding: BINDING, owner: alice }), {
      code: 'MCP_FLOW_EXPIRED'
    })
})

t.test('5.7 double click: of two callbacks at once one exchanges', async t => {
  const { connections, issuer } = await createWorld(t)
  const { url } = await connections.start(alice, 'notes', { binding: BINDING })
  const params = await walkAuthorization(url)
  await Promise.allSettled([1, 2, 3].map(() => connections.complete({ params, binding: BINDING, owner: alice })))
  t.equal(issuer.count('token'), 1)
  t.equal((await connections.status(alice, 'notes')).status, 'active')
})

t.test('AZ-17, AZ-18, AZ-19: a wrong or missing iss ends it before code or error are looked at', async t => {
  const { connections, issuer } = await createWorld(t)
  for (const iss of ['https://evil.example', 'missing', `${issuer.issuer}/`]) {
    issuer.behaviour.iss = iss
    issuer.behaviour.metadata = { authorization_response_iss_parameter_supported: true }
    const { url } = await connections.start(alice, 'notes', { binding: BINDING })
    const params = await walkAuthorization(url, { decision: 'deny' })
    params.set('error_description', 'call this number')
    const error = await connections
      .complete({ params, binding: BINDING, owner: alice })
      .catch((caught: Error) => caught)
    t.match(error, { code: 'MCP_ISSUER_MISMATCH' }, iss)
    t.notMatch(JSON.stringify({ ...error, message: (error as Error).message }), 'call this number')
  }
  t.equal(issuer.count('token'), 0)
})

t.test('finding 4: a code is exchanged once, whatever comes back', async t => {
  const { connections, issuer } = await createWorld(t)
  for (const answer of [fault.unavailable(5), fault.oauthError('invalid_grant')]) {
    const { url } = await connections.start(alice, 'notes', { binding: BINDING })
    const params = await walkAuthorization(url)
    const before = issuer.count('token')
    issuer.fail('token', answer)
    await t.rejects(connections.complete({ params, binding: BINDING, owner: alice }))
    issuer.heal('token')
    t.equal(issuer.count('token'), before + 1)
    t.equal((await connections.status(alice, 'notes')).status, 'not_connected')
  }
})

t.test('AZ-2: without S256 in the metadata nobody is sent anywhere; the options can allow it', async t => {
  const { connections, issuer } = await createWorld(t)
  for (const methods of [undefined, ['plain']]) {
    issuer.behaviour.metadata = { code_challenge_methods_supported: methods }
    await t.rejects(connections.start(alice, 'notes', { binding: BINDING }), { code: 'MCP_PKCE_UNSUPPORTED' })
  }
  const lenient = await createWorld(t, {
    issuer: { behaviour: { metadata: { code_challenge_methods_supported: undefined } } },
    definition: { oauth: { pkceUnadvertised: 'allow' } }
  })
  t.equal((await lenient.connect()).outcome, 'connected')
})

t.test('AZ-19 denied: the person said no, nothing is stored, and trying again works', async t => {
  const { connections, connect } = await createWorld(t)
  const { url } = await connections.start(alice, 'notes', {
    binding: BINDING,
    returnTo: '/settings',
    errorTo: '/settings?failed'
  })
  const params = await walkAuthorization(url, { decision: 'deny' })
  if (params.get('error') === 'access_denied') {
    await t.rejects(connections.complete({ params, binding: BINDING, owner: alice }), {
      code: 'MCP_ACCESS_DENIED',
      errorTo: '/settings?failed'
    })
    t.equal((await connections.status(alice, 'notes')).status, 'not_connected')
  } else t.fail('the walker did not deny')
  t.equal((await connect()).outcome, 'connected')
})

t.test('item 17: returnTo stays on our origin', async t => {
  const { connections, issuer } = await createWorld(t)
  const bad = [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/%2f/evil',
    '/%5Cevil',
    'settings',
    '/a\nb',
    '/\tevil',
    'javascript:alert(1)',
    '/.//evil.example',
    `/${'x'.repeat(3000)}`,
    '/..//evil.example'
  ]
  for (const returnTo of bad)
    await t.rejects(
      connections.start(alice, 'notes', { binding: BINDING, returnTo }),
      { code: 'MCP_INVALID_INPUT' },
      returnTo
    )
  t.equal(issuer.count('metadata'), 0, 'nothing was asked')
})

t.test('feature 93: five a minute and twenty a day, for each owner alone', async t => {
  const { connections, clock } = await createWorld(t, { app: { limits: {} } })
  clock.set(86_400 * 20_000)
  const start = (owner = alice) => connections.start(owner, 'notes', { binding: BINDING })
  for (let round = 0; round < 4; round++) {
    for (let time = 0; time < 5; time++) await start()
    await t.rejects(start(), {
      code: 'MCP_RATE_LIMITED',
      reason: round === 3 ? 'perMinute' : 'perMinute',
      statusCode: 429
    })
    clock.advance(60)
  }
  await t.rejects(start(), { code: 'MCP_RATE_LIMITED', reason: 'perDay' })
  await start(bob)
})

t.test('item 5: a flow ends after ten minutes', async t => {
  const { connections, clock } = await createWorld(t)
  const { url } = await connections.start(alice, 'notes', { binding: BINDING })
  const params = await walkAuthorization(url)
  clock.advance(600)
  await t.rejects(connections.complete({ params, binding: BINDING, owner: alice }), { code: 'MCP_FLOW_EXPIRED' })
  t.equal((await connections.status(alice, 'notes')).status, 'not_connected')
})

t.test('5.7: a connection that is ended, or whose owner goes, while its code is exchanged stays ended', async t => {
  for (const isFirst of [true, false])
    for (const end of ['disconnect', 'deleteOwner'] as const) {
      const { connections, connect, issuer, clock } = await createWorld(t)
      if (!isFirst) await connect()
      const { url } = await connections.start(alice, 'notes', { binding: BINDING })
      const params = await walkAuthorization(url)
      const before = issuer.count('token')
      issuer.fail('token', fault.slow(100))
      const completing = connections
        .complete({ params, binding: BINDING, owner: alice })
        .catch((error: unknown) => error)
      while (issuer.count('token') === before) await new Promise(resolve => setTimeout(resolve, 5))
      await (end === 'disconnect' ? connections.disconnect(alice, 'notes') : connections.deleteOwner(alice))
      t.match(await completing, { code: 'MCP_FLOW_EXPIRED', reason: 'ended' })
      t.strictSame(await connections.list(alice), [], `${end}, ${isFirst ? 'the first time' : 'once more'}`)
      clock.advance(61)
      await connections.sweep()
      t.notOk(
        [...issuer.records.accessTokens.keys()].some(token => issuer.verify(token)),
        'no token is good any more'
      )
    }
})

t.test(
  'feature 100: parameters that a server wants are added to the request, and take the place of none of ours',
  async t => {
    const authorizeParams = {
      access_type: 'offline',
      client_id: 'evil',
      redirect_uri: 'https://evil.example',
      state: 'x'
    }
    const { connections, issuer, server } = await createWorld(t, { definition: { oauth: { authorizeParams } } })
    const { url } = await connections.start(alice, 'notes', { binding: BINDING })
    const { searchParams } = new URL(url)
    const [client] = issuer.records.clients.keys()
    t.match(Object.fromEntries(searchParams), {
      access_type: 'offline',
      client_id: client,
      redirect_uri: connections.urls.callback,
      resource: server.resource,
      code_challenge_method: 'S256'
    })
    t.not(searchParams.get('state'), 'x')
    const params = await walkAuthorization(url)
    t.equal((await connections.complete({ params, binding: BINDING, owner: alice })).outcome, 'connected')
  }
)
