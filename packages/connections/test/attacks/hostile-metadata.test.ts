/** 5.7: what servers say about themselves is somebody else's text. In each case nobody is sent anywhere and nothing is stored. */
import { type FakeAuthorizationServer, fault } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import type { McpConnectionError } from '../../src/index.ts'
import { alice, BINDING, createWorld, type World } from '../world.ts'

async function refusal({ connections }: World): Promise<McpConnectionError> {
  try {
    await connections.start(alice, 'notes', { binding: BINDING })
  } catch (error) {
    return error as McpConnectionError
  }
  throw new Error('the flow was started')
}

async function assertNothingHappened(t: Test, { connections, issuer }: World): Promise<void> {
  t.equal((await connections.status(alice, 'notes')).status, 'not_connected')
  t.equal(issuer.count('authorize'), 0)
  t.equal(issuer.count('token'), 0)
}

const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'registration_endpoint'] as const

for (const url of [
  'javascript:alert(document.domain)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'file:///etc/passwd',
  'http://as.example.com/authorize',
  'ftp://as.example.com/',
  'not a url',
  '//as.example.com/authorize',
  'https://user:secret@as.example.com/authorize'
])
  t.test(`5.7 endpoints: ${url} is refused wherever it stands`, async t => {
    for (const endpoint of ENDPOINTS) {
      const world = await createWorld(t)
      world.issuer.behaviour.metadata = { [endpoint]: url }
      const error = await refusal(world)
      t.match(error.code, /^MCP_(URL_BLOCKED|DISCOVERY_FAILED|REGISTRATION_FAILED)$/, endpoint)
      t.notMatch(error.message, url)
      await assertNothingHappened(t, world)
    }
  })

t.test('5.7 metadata that names another issuer, or that is no metadata', async t => {
  const bad: [string, (issuer: FakeAuthorizationServer) => void, RegExp][] = [
    ['another issuer', issuer => says(issuer, { issuer: 'https://evil.example' }), /ISSUER|DISCOVERY/],
    ['a slash more', issuer => says(issuer, { issuer: `${issuer.issuer}/` }), /ISSUER|DISCOVERY/],
    ['HTML with 200', issuer => forever(issuer, fault.html(200)), /DISCOVERY/],
    ['an array', issuer => forever(issuer, fault.json(200, [])), /DISCOVERY/],
    ['null', issuer => forever(issuer, fault.json(200, null)), /DISCOVERY/],
    ['a megabyte', issuer => forever(issuer, fault.oversized(1_000_000)), /DISCOVERY|BLOCKED/],
    [
      'a redirect to the address of cloud metadata',
      issuer => forever(issuer, fault.redirect('http://169.254.169.254/latest/meta-data/')),
      /DISCOVERY|BLOCKED/
    ],
    ['a redirect to itself', issuer => forever(issuer, fault.redirect(`${issuer.issuer}/x`)), /DISCOVERY|BLOCKED/]
  ]
  for (const [name, spoil, code] of bad) {
    const world = await createWorld(t)
    spoil(world.issuer)
    t.match((await refusal(world)).code, code, name)
    await assertNothingHappened(t, world)
  }
})

t.test('5.7 slow metadata: it ends, and as an outage', async t => {
  const world = await createWorld(t, { app: { refresh: { timeout: 1, lease: 5 } } })
  forever(world.issuer, fault.hang())
  t.match((await refusal(world)).code, /UNAVAILABLE|DISCOVERY/)
  await assertNothingHappened(t, world)
})

t.test('3.5 of the field: 4xx and HTML in one place do not hide the metadata in the next', async t => {
  for (const answer of [
    fault.html(200),
    fault.answer(401, ''),
    fault.answer(403, ''),
    fault.answer(404, ''),
    fault.json(400, {})
  ]) {
    const world = await createWorld(t, { issuer: { behaviour: { metadataAt: ['openid-configuration'] } } })
    world.issuer.fail('metadata', answer)
    t.match(await world.connections.start(alice, 'notes', { binding: BINDING }), { url: /^http/ })
  }
})

t.test('5.7 metadata of the resource: another resource, an outage, HTML', async t => {
  for (const [metadata, code] of [
    [{ resource: 'https://evil.example/mcp' }, /RESOURCE_MISMATCH/],
    [{ resource: 'https://evil.example' }, /RESOURCE_MISMATCH/],
    [{ authorization_servers: ['http://169.254.169.254'] }, /BLOCKED|DISCOVERY/],
    [{ authorization_servers: ['javascript:alert(1)'] }, /BLOCKED|DISCOVERY/],
    // The server's own origin is all that is left then, and it is no authorization server.
    [{ authorization_servers: [] }, /DISCOVERY|REGISTRATION/],
    [{ authorization_servers: 'https://as.example' }, /DISCOVERY|REGISTRATION/]
  ] as const) {
    const world = await createWorld(t)
    world.server.behaviour.metadata = metadata
    world.issuer.behaviour.metadataAt = []
    t.match((await refusal(world)).code, code, JSON.stringify(metadata))
    await assertNothingHappened(t, world)
  }
})

t.test('5.7 a challenge that points to metadata somewhere else is not followed off the rails', async t => {
  for (const place of ['http://169.254.169.254/x', 'http://[fd00::1]/x', 'javascript:alert(1)', 'http://10.0.0.1/']) {
    const world = await createWorld(t)
    const challenge = `Bearer resource_metadata="${place}"`
    world.server.fail('mcp', fault.answer(401, '', { 'www-authenticate': challenge }), {
      times: Number.POSITIVE_INFINITY
    })
    const error = await world.connections
      .start(alice, 'notes', { binding: BINDING })
      .catch((caught: McpConnectionError) => caught)
    // Either refused, or found where it belongs: never fetched from there.
    if (error instanceof Error) t.match(error.code, /BLOCKED|DISCOVERY/, place)
    else t.equal(new URL(error.url).origin, new URL(world.issuer.issuer).origin, place)
  }
})

function says(issuer: FakeAuthorizationServer, metadata: Record<string, unknown>): void {
  issuer.behaviour.metadata = metadata
}

function forever(issuer: FakeAuthorizationServer, what: Parameters<FakeAuthorizationServer['fail']>[1]): void {
  issuer.fail('metadata', what, { times: Number.POSITIVE_INFINITY })
}

t.test('RFC 9728 2: authorization_servers of a wrong form is told as that, and no place is guessed', async t => {
  const wrong = ['https://as.example', [], [7], [{ issuer: 'https://as.example' }], ['not a url'], {}, null]
  for (const authorization_servers of wrong) {
    const { connections, server, issuer } = await createWorld(t)
    server.behaviour.metadata = { authorization_servers }
    const error = await connections.start(alice, 'notes', { binding: BINDING }).catch((caught: unknown) => caught)
    t.match(error, { code: 'MCP_DISCOVERY_FAILED', reason: 'authorization_servers' }, JSON.stringify(wrong))
    t.equal(issuer.requests.length, 0)
    t.match((await connections.diagnose('notes')).problems, [/"authorization_servers"/])
  }
})
