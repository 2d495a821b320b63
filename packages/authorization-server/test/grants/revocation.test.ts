/** Access taken back by an administrator: of a person, a client, an organization, while other requests go on. */
import { UnavailableError } from '@fastify-mcp-auth/core'
import t from 'tap'
import { buildServer, RESOURCE, recordsOf, type TestServer } from '../fixture.ts'

const WEB = 'https://app.example/cb'
const clients = ['web', 'other'].map(client_id => ({ client_id, client_name: client_id, redirect_uris: [WEB] }))
const ORGANIZATIONS = ['acme', 'globex'].map(id => ({ id, name: id }))

const administration = ({ app }: TestServer) => app.authorizationServer.grants
const web = (server: TestServer, username = 'alice', clientId = 'web') =>
  server.client({ clientId, username, redirectUri: WEB })

/** The answer to `prompt=none` of somebody who is signed in. */
async function silently(server: TestServer, username = 'alice') {
  const { url } = await web(server, username).start({ scope: 'notes:read', parameters: { prompt: 'none' } })
  const { pathname, search } = new URL(url)
  const cookie = `session=${username}`
  const { headers } = await server.app.inject({ url: pathname + search, headers: { cookie } })
  return Object.fromEntries(new URL(String(headers.location)).searchParams)
}

t.test('MCP security best practices: without a criterion, or with half of one, nothing is revoked', async t => {
  const server = await buildServer(t, { options: { clients } })
  const tokens = await web(server).connect()
  for (const criteria of [
    {},
    { subject: undefined },
    { subject: '' },
    { clientId: 'web', subject: undefined },
    { clientId: 'web', subject: null },
    { clientId: 'web', client_id: 'other' },
    { grantId: 'x' }
  ])
    await t.rejects(administration(server).revokeAll(criteria as object), TypeError, JSON.stringify(criteria))
  t.equal((await web(server).refresh(tokens.refresh_token ?? '')).statusCode, 200)
  t.equal((await server.storage.counts())['consents'], 1)
})

t.test("RFC 7009 2.1: taken from a person, every token is dead at once, and nobody else's", async t => {
  const opaque = { [RESOURCE]: { name: 'Notes', scopes: { 'notes:read': 'Read' }, accessToken: { format: 'opaque' } } }
  for (const options of [{ clients }, { clients, resources: opaque as never }]) {
    const server = await buildServer(t, { options })
    const told: unknown[] = []
    server.app.authorizationServer.on('grant.revoked', ({ subject, reason }) => void told.push([subject, reason]))
    const mine = [await web(server).connect(), await web(server, 'alice', 'other').connect()]
    const pending = web(server)
    const answer = await pending.authorize()
    const bobs = await web(server, 'bob').connect()
    t.equal(await administration(server).revokeAll({ subject: 'sub-alice' }), 3)
    for (const tokens of mine) {
      const verified = server.app.authorizationServer.verifyAccessToken(tokens.access_token, RESOURCE)
      await t.rejects(verified, { message: /invalid, expired or revoked/ })
    }
    t.equal((await web(server).refresh(mine[0]?.refresh_token ?? '')).json()['error'], 'invalid_grant')
    t.equal((await pending.redeem(answer)).json()['error'], 'invalid_grant', 'a code that nobody redeemed yet')
    t.equal((await web(server, 'bob').refresh(bobs.refresh_token ?? '')).statusCode, 200)
    t.match(await silently(server), { error: 'consent_required' })
    t.match(await silently(server, 'bob'), { code: /./ })
    t.strictSame(told, Array(3).fill(['sub-alice', 'administrator']))
    t.equal(await administration(server).revokeAll({ subject: 'sub-alice' }), 0, 'once')
  }
})

t.test('several criteria mean what meets all of them; events say who wanted it', async t => {
  const users = { organizations: () => ORGANIZATIONS }
  const server = await buildServer(t, { options: { clients }, users })
  const told: string[] = []
  server.app.authorizationServer.on('grant.revoked', ({ reason }) => void told.push(reason))
  for (const username of ['alice', 'bob'])
    for (const clientId of ['web', 'other'])
      for (const organization of ['acme', 'globex']) await web(server, username, clientId).connect({ organization })
  const left = async () =>
    (await Promise.all(['sub-alice', 'sub-bob'].map(who => administration(server).list(who)))).map(
      ({ grants }) => grants.length
    )
  const { revokeAll } = administration(server)
  t.equal(await revokeAll({ subject: 'sub-alice', clientId: 'web', organization: 'acme' }, 'user'), 1)
  t.strictSame(await left(), [3, 4])
  t.equal((await server.storage.counts())['consents'], 7, 'the others are remembered')
  t.equal(await revokeAll({ clientId: 'web', organization: 'globex' }), 2)
  t.strictSame(await left(), [2, 3])
  t.equal(await revokeAll({ organization: 'acme' }), 3)
  t.strictSame(await left(), [1, 1])
  t.equal(await revokeAll({ clientId: 'nobody' }), 0)
  t.strictSame(told, ['user', ...Array(5).fill('administrator')])
})

t.test('of two nodes that revoke at once each grant is ended and told once', async t => {
  const server = await buildServer(t, { options: { clients } })
  const { grants } = recordsOf(server)
  await web(server).connect()
  const [template] = (await grants.list('subject', 'sub-alice')).records
  if (!template) throw new Error('nothing to copy')
  for (let i = 0; i < 120; i++) await grants.insert(`copy-${i}`, template.record)
  const told: string[] = []
  server.app.authorizationServer.on('grant.revoked', ({ grantId }) => void told.push(grantId))
  const { revokeAll } = administration(server)
  const ended = await Promise.all([revokeAll({ clientId: 'web' }), revokeAll({ subject: 'sub-alice' })])
  t.equal(ended[0] + ended[1], 121)
  t.equal(new Set(told).size, 121)
  t.equal(told.length, 121)
})

t.test('a consent that outlived its grants goes as well', async t => {
  const server = await buildServer(t, { options: { clients } })
  await web(server).connect()
  server.clock.advance(31 * 86_400)
  t.match(await silently(server), { code: /./ }, 'it stands in for the page')
  server.clock.advance(31 * 86_400)
  t.equal(await administration(server).revokeAll({ subject: 'sub-alice' }), 0)
  t.match(await silently(server), { error: 'consent_required' })
})

t.test('a grant that is being made from a remembered consent does not escape', async t => {
  const server = await buildServer(t, { options: { clients } })
  await web(server).connect()
  const told: string[] = []
  server.app.authorizationServer.on('grant.revoked', ({ reason }) => void told.push(reason))
  server.storage.beforeNextInsert('grants', async () => {
    await administration(server).revokeAll({ subject: 'sub-alice' })
  })
  t.match(await silently(server), { error: 'consent_required' })
  t.strictSame((await administration(server).list('sub-alice')).grants, [])
  t.strictSame(told, ['administrator', 'consent_withdrawn'])
})

t.test('the consent of a yes that is taken back before it is written down is not kept', async t => {
  const server = await buildServer(t, { options: { clients } })
  server.storage.beforeNextInsert('consents', async () => {
    t.equal(await administration(server).revokeAll({ subject: 'sub-alice' }), 1)
  })
  await t.rejects(web(server).authorize(), /409/, 'and the code goes nowhere')
  t.equal((await server.storage.counts())['consents'] ?? 0, 0)
  t.match(await silently(server), { error: 'consent_required' })
})

t.test('nor one that is written down while it is taken back', async t => {
  const server = await buildServer(t, { options: { clients } })
  await web(server).connect()
  const { consents } = recordsOf(server)
  const [consent] = (await consents.list('subject', 'sub-alice')).records
  const { update } = server.storage
  server.storage.update = async (collection, ...call) => {
    if (collection.name === 'grants' && consent) await consents.insert(consent.key, consent.record)
    return update(collection, ...call)
  }
  t.equal(await administration(server).revokeAll({ subject: 'sub-alice' }), 1)
  t.equal((await server.storage.counts())['consents'] ?? 0, 0)
})

t.test('uploads 890: an outage in the middle leaves no consent, and the next call ends the rest', async t => {
  const server = await buildServer(t, { options: { clients } })
  for (let i = 0; i < 3; i++) await web(server).connect()
  const { update } = server.storage
  let writes = 0
  server.storage.update = async (...call) => {
    if (++writes === 2) throw new UnavailableError('lost its connection')
    return update(...call)
  }
  await t.rejects(administration(server).revokeAll({ subject: 'sub-alice' }), /connection/)
  server.storage.update = update
  t.equal((await server.storage.counts())['consents'] ?? 0, 0)
  t.equal((await administration(server).list('sub-alice')).grants.length, 2)
  t.equal(await administration(server).revokeAll({ subject: 'sub-alice' }), 2)
})

t.test('a code whose grant was revoked before is worth nothing, and is no replay', async t => {
  const server = await buildServer(t)
  const told: string[] = []
  server.app.authorizationServer.on('code.replayed', ({ type }) => told.push(type))
  const one = server.client()
  const answer = await one.authorize()
  await server.app.authorizationServer.grants.revokeAll({ subject: 'sub-alice' })
  t.equal((await one.redeem(answer)).json().error, 'invalid_grant')
  t.strictSame(told, [], 'nobody is suspected who did nothing')
})

t.test('RFC 7009 2.1: a grant that is revoked while it is refreshed gives nothing any more', async t => {
  const server = await buildServer(t)
  const one = server.client()
  const { refresh_token: token = '' } = await one.connect()
  const { update } = server.storage
  let isRevoked = false
  server.storage.update = async (collection, key, guard, patch) => {
    if ('refreshDigest' in patch && !isRevoked) {
      isRevoked = true
      await server.app.authorizationServer.grants.revokeAll({ subject: 'sub-alice' })
    }
    return update(collection, key, guard, patch)
  }
  const response = await one.refresh(token)
  t.equal(isRevoked, true)
  t.match(response.json(), { error: 'invalid_grant' })
  t.notMatch(response.body, /access_token/)
  t.equal(/"replay":"/.test(await server.storage.dump()), false, 'nothing was kept for a retry')
})
