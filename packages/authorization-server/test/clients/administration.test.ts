import { matchesOAuthError } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { buildServer, CALLBACK, refusalOf } from '../fixture.ts'

const METADATA = { client_name: 'Partner', redirect_uris: [CALLBACK], token_endpoint_auth_method: 'client_secret_post' }

async function partner(t: Test) {
  const server = await buildServer(t)
  const { clients } = server.app.authorizationServer
  const { clientId, clientSecret } = await clients.register(METADATA)
  const as = (secret: string | null) =>
    server.client({ clientId, ...(secret === null ? {} : { clientSecret: secret }) })
  const authenticates = async (secret: string | null): Promise<boolean> =>
    (await as(secret).refresh('x')).json().error === 'invalid_grant'
  return { server, clients, clientId, clientSecret: clientSecret ?? '', as, authenticates }
}

t.test('a client that the app registers gets to its tokens, and is not forgotten', async t => {
  const { server, clients, clientId, clientSecret, as } = await partner(t)
  const before = await clients.get(clientId)
  t.match(before, {
    clientId,
    name: 'Partner',
    registeredBy: 'app',
    redirectUris: [CALLBACK],
    authMethods: ['client_secret_basic', 'client_secret_post'],
    createdAt: server.clock.now(),
    usedAt: null,
    expiresAt: null
  })
  t.ok((await as(clientSecret).connect()).access_token)
  server.clock.advance(10 * 365 * 86_400)
  await server.app.authorizationServer.cleanup()
  t.ok((await as(clientSecret).connect()).access_token)
  t.notMatch(JSON.stringify(before), 'digest')
  t.equal((await server.storage.dump()).includes(clientSecret), false)
})

t.test('RFC 7591 3.2.2: what the app registers is held to the same rules', async t => {
  const { server, clients } = await partner(t)
  const before = await server.storage.counts()
  t.equal(await refusalOf(clients.register({ redirect_uris: ['javascript:alert(1)'] })), 'redirect_uri_not_acceptable')
  t.equal(await refusalOf(clients.register({ ...METADATA, client_name: 'x'.repeat(201) })), 'invalid_client_metadata')
  t.strictSame(await server.storage.counts(), before)
})

t.test('a new secret works beside the old one, and the old one ends by itself', async t => {
  const { server, clients, clientId, clientSecret, authenticates } = await partner(t)
  const rotated = await clients.rotateSecret(clientId, { overlap: 3600 })
  const next = rotated?.clientSecret ?? ''
  t.not(next, clientSecret)
  t.equal(await authenticates(clientSecret), true)
  t.equal(await authenticates(next), true)
  server.clock.advance(3599)
  t.equal(await authenticates(clientSecret), true)
  server.clock.advance(1)
  t.equal(await authenticates(clientSecret), false)
  t.equal(await authenticates(next), true)
  t.equal((await clients.get(clientId))?.secrets.length, 1)
  const urgent = await clients.rotateSecret(clientId, { overlap: 0 })
  t.equal(await authenticates(next), false, 'at once')
  t.equal(await authenticates(urgent?.clientSecret ?? ''), true)
  t.equal(await authenticates(null), false)
})

t.test('a rotation never lets a secret live longer than it would have', async t => {
  const { server, clients, clientId, authenticates } = await partner(t)
  const short = await clients.addSecret(clientId, { expiresAt: server.clock.now() + 60 })
  await clients.rotateSecret(clientId, { overlap: 3600 })
  server.clock.advance(60)
  t.equal(await authenticates(short?.clientSecret ?? ''), false)
})

t.test('secrets are added and removed one by one, five at most, also by many at the same moment', async t => {
  const { server, clients, clientId, clientSecret, authenticates } = await partner(t)
  const events: string[] = []
  for (const type of ['client.secret_added', 'client.secret_removed'] as const)
    server.app.authorizationServer.on(type, event => events.push(event.type))
  const added = await Promise.allSettled(Array.from({ length: 6 }, () => clients.addSecret(clientId)))
  t.equal(added.filter(({ status }) => status === 'fulfilled').length, 4)
  const { secrets = [] } = (await clients.get(clientId)) ?? {}
  t.equal(secrets.length, 5)
  t.equal(new Set(secrets.map(({ secretId }) => secretId)).size, 5)
  const [first] = secrets
  t.equal(await clients.removeSecret(clientId, first?.secretId ?? ''), true)
  t.equal(await clients.removeSecret(clientId, first?.secretId ?? ''), false)
  t.equal(await authenticates(clientSecret), false)
  for (const one of added)
    if (one.status === 'fulfilled') t.equal(await authenticates(one.value?.clientSecret ?? ''), true)
  t.equal(events.filter(type => type === 'client.secret_added').length, 4)
  t.equal(events.filter(type => type === 'client.secret_removed').length, 1)
})

t.test('a client without secrets gets none, an unknown one neither, one of the options is changed there', async t => {
  const { clients } = await partner(t)
  const { clientId } = await clients.register({ ...METADATA, token_endpoint_auth_method: 'none' })
  t.equal(await refusalOf(clients.addSecret(clientId)), 'invalid_client_metadata')
  t.equal(await clients.addSecret('nobody'), null)
  t.equal(await clients.removeSecret('nobody', 'x'), false)
  t.equal(await clients.get('nobody'), null)
  t.equal(await clients.remove('nobody'), false)
  const configured = await buildServer(t, {
    options: { clients: [{ client_id: 'cli', client_name: 'CLI', redirect_uris: [CALLBACK] }] }
  })
  const { clients: others } = configured.app.authorizationServer
  t.match(await others.get('cli'), { registeredBy: 'options', name: 'CLI', authMethods: ['none'], createdAt: null })
  const calls: Promise<unknown>[] = [others.addSecret('cli'), others.removeSecret('cli', 'x'), others.remove('cli')]
  for (const call of calls) await t.rejects(call, TypeError)
})

t.test('clients are listed page by page, those of the app apart from those that came by themselves', async t => {
  const { server, clients, clientId } = await partner(t)
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push((await server.client().credentials()).clientId)
  const found: string[] = []
  for (let cursor: string | null = null, pages = 0; pages < 10; pages++) {
    const page = await clients.list({ limit: 2, cursor })
    t.ok(page.clients.length <= 2)
    found.push(...page.clients.map(client => client.clientId))
    cursor = page.cursor
    if (cursor === null) break
  }
  t.strictSame(found, ids.toSorted())
  const own = await clients.list({ registeredBy: 'app' })
  t.strictSame(
    own.clients.map(client => client.clientId),
    [clientId]
  )
  t.equal(await clients.remove(ids[0] ?? ''), true)
  t.equal((await clients.list()).clients.length, 4, 'what ended is not listed')
})

t.test('a client that the app removes is gone with its grants', async t => {
  const { server, clients, clientId, clientSecret, as } = await partner(t)
  const removed: unknown[] = []
  server.app.authorizationServer.on('client.removed', event => removed.push(event.clientName))
  const tokens = await as(clientSecret).connect()
  t.equal(await clients.remove(clientId), true)
  t.equal(await clients.remove(clientId), false)
  t.strictSame(removed, ['Partner'])
  matchesOAuthError(t, await as(clientSecret).refresh(tokens.refresh_token ?? ''), 'invalid_client', 401)
  t.strictSame((await server.app.authorizationServer.grants.list('sub-alice')).grants, [])
  t.equal(await clients.addSecret(clientId), null, 'and gets no secret any more')
})

t.test('RFC 6749 2.3.1: several digests of one client of the options each open, and nothing else does', async t => {
  const digests = ['2cQ5S8zvM7xFbL8qVZ1Xn6s0gVbqJd2mT9yKpQwErTY', 'zzzzS8zvM7xFbL8qVZ1Xn6s0gVbqJd2mT9yKpQwErTY']
  const { digest } = await import('@fastify-mcp-auth/core')
  const server = await buildServer(t, {
    options: {
      clients: [
        {
          client_id: 'partner',
          client_name: 'Partner',
          redirect_uris: [CALLBACK],
          client_secret_digest: [digest('old'), digest('new'), ...digests]
        }
      ]
    }
  })
  const answer = async (clientSecret: string) =>
    (await server.client({ clientId: 'partner', clientSecret }).refresh('x')).json().error
  t.equal(await answer('old'), 'invalid_grant')
  t.equal(await answer('new'), 'invalid_grant')
  for (const wrong of ['other', digests[0] ?? '', digest('old')]) t.equal(await answer(wrong), 'invalid_client')
})
