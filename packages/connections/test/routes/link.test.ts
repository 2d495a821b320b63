/** One-time links that a job or an agent hands to the person it works for. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { COLLECTIONS } from '../../src/index.ts'
import { BASE, buildWorld, personOf } from '../app.ts'
import { bob, createWorld } from '../world.ts'

const alice = { type: 'user', id: 'alice' } as const

const pathOf = (url: string): string => url.slice(BASE.length)

t.test('item 28: a link is worth nothing to anybody but its owner, who can use it once', async t => {
  const { app, authorizationServer } = await buildWorld(t, { loginUrl: ({ returnTo }) => `/login?to=${returnTo}` })
  const { mcpConnections } = app
  const link = await mcpConnections.createConnectLink(alice, 'notes', { returnTo: '/done', scopes: ['extra'] })
  const path = pathOf(link.url)
  const secret = path.split('/').at(-1) ?? ''

  const stranger = await personOf(app, null).get(path)
  t.equal(stranger.headers.location, `/login?to=${path}`, 'the login comes back to it')
  const bob = personOf(app, 'bob')
  t.equal((await bob.get(path)).statusCode, 403)
  t.equal((await bob.post('connect/notes', { link: secret })).statusCode, 403)
  t.equal(authorizationServer.count('metadata'), 0, 'nothing was begun')

  const person = personOf(app, 'alice')
  const page = await person.get(path)
  t.equal(page.statusCode, 200)
  t.match(page.body, new RegExp(`name="link"[^>]*value="${secret}"`))
  t.equal((await person.get(path)).statusCode, 200, 'looking does not use it up')
  t.equal((await person.post('connect/keyed', { link: secret })).statusCode >= 400, true, 'it is for one server')
  t.equal(
    (await person.post('connect/notes', { link: secret, account: 'work' })).statusCode,
    403,
    'and for one account'
  )

  const begun = await Promise.all([1, 2].map(() => person.post('connect/notes', { link: secret, returnTo: '/done' })))
  t.strictSame(begun.map(({ statusCode }) => statusCode).toSorted(), [303, 410], 'once')
  const location = begun.find(({ statusCode }) => statusCode === 303)?.headers.location as string
  t.equal(new URL(location).searchParams.get('scope'), 'extra')
  const connected = new Promise<string | null>(resolve => {
    mcpConnections.on('connected', event => resolve(event.connection))
  })
  const back = await person.get(`callback?${(await walkAuthorization(location)).toString()}`)
  t.equal(back.headers.location, '/done')
  t.equal(await connected, link.connection, 'the app hears which link it was')
  t.equal((await person.get(path)).statusCode, 410)
})

t.test('item 28: links end, go with their owner, and are made only where somebody has to connect', async t => {
  let now = 1_800_000_000
  const { app } = await buildWorld(t, { clock: { now: () => now } })
  const { mcpConnections } = app
  const person = personOf(app, 'alice')
  const old = await mcpConnections.createConnectLink(alice, 'notes', { ttl: 60 })
  now += 60
  t.equal((await person.get(pathOf(old.url))).statusCode, 410)
  const gone = await mcpConnections.createConnectLink(alice, 'notes')
  await mcpConnections.deleteOwner(alice)
  t.equal((await person.get(pathOf(gone.url))).statusCode, 410)
  t.equal((await person.get('link/guessed')).statusCode, 410)

  const bot = { type: 'user', id: 'alice', agent: 'alice-bot' } as const
  const forAgent = await mcpConnections.createConnectLink(bot, 'agents')
  t.equal((await person.get(pathOf(forAgent.url))).statusCode, 200)
  t.equal((await personOf(app, 'bob').get(pathOf(forAgent.url))).statusCode, 403, 'bob may not act for this agent')
  const stored = await person.post('credentials/agents', {
    link: new URL(forAgent.url).pathname.split('/').at(-1) ?? '',
    agent: 'alice-bot',
    secret: 'key-of-alice'
  })
  t.equal(stored.statusCode, 303)
  t.equal((await person.get(pathOf(forAgent.url))).statusCode, 410)

  for (const options of [{ ttl: 1 }, { ttl: 1e9 }, { scopes: ['a b'] }, { returnTo: 'https://evil.example/' }])
    await t.rejects(mcpConnections.createConnectLink(alice, 'notes', options), { code: 'MCP_INVALID_INPUT' })
  await t.rejects(mcpConnections.createConnectLink(null, 'notes'), { code: 'MCP_OWNER_REQUIRED' })
  const { elicitation } = await mcpConnections.createConnectLink(alice, 'notes')
  t.match(elicitation, { mode: 'url', elicitationId: String, message: 'Acme needs a connection to Notes.' })
})

t.test('item 28: what fails before anything is begun does not use up a link', async t => {
  const { app, authorizationServer } = await buildWorld(t)
  const person = personOf(app, 'alice')
  const linkTo = async (server: string): Promise<string> => {
    const { url } = await app.mcpConnections.createConnectLink(alice, server)
    return pathOf(url).split('/').at(-1) ?? ''
  }
  const toNotes = await linkTo('notes')
  authorizationServer.fail('metadata', fault.unavailable(), { times: Number.POSITIVE_INFINITY })
  t.equal((await person.post('connect/notes', { link: toNotes })).statusCode, 503)
  authorizationServer.heal('metadata')
  t.equal((await person.post('connect/notes', { link: toNotes })).statusCode, 303)
  t.equal((await person.post('connect/notes', { link: toNotes })).statusCode, 410)

  const toKeyed = await linkTo('keyed')
  for (const secret of ['', 'copied\nbadly'])
    t.equal((await person.post('credentials/keyed', { link: toKeyed, secret })).statusCode, 400)
  t.equal((await person.post('credentials/keyed', { link: toKeyed, secret: 'key-of-alice' })).statusCode, 303)
  t.equal((await person.post('credentials/keyed', { link: toKeyed, secret: 'key-of-bob' })).statusCode, 410)
})

t.test(
  'item 28: a link to what everybody shares is for one person all the same, and goes with that person',
  async t => {
    const office = { url: 'https://office.example/mcp', auth: 'bearer', mode: 'shared' } as const
    const { connections } = await createWorld(t, { app: { servers: { office } } })
    const { url } = await connections.createConnectLink(alice, 'office')
    const secret = pathOf(url).split('/').at(-1) ?? ''
    await t.rejects(connections.useConnectLink(bob, secret), { code: 'MCP_FLOW_MISMATCH' })
    t.match(await connections.readConnectLink(alice, secret), { server: 'office' })
    await connections.deleteOwner(alice)
    await t.rejects(connections.useConnectLink(alice, secret), { code: 'MCP_FLOW_EXPIRED' })
  }
)

t.test(
  'item 28: a link to what everybody shares is made for nobody but a person, and for one with that agent',
  async t => {
    const storage = memoryStorage()
    const office = { url: 'https://office.example/mcp', auth: 'bearer', mode: 'shared' } as const
    const { connections } = await createWorld(t, { app: { storage, servers: { office } } })
    for (const nobody of [null, { type: 'agent', id: 'bot' }] as const)
      await t.rejects(connections.createConnectLink(nobody, 'office'), { code: 'MCP_OWNER_REQUIRED' })
    t.strictSame((await storage.list(COLLECTIONS.links, 'expiresBefore', 1e12)).records, [])
    const withBot = { ...alice, agent: 'bot' }
    const { id, url } = await connections.createConnectLink(withBot, 'office')
    const secret = new URL(url).pathname.split('/').at(-1) ?? ''
    for (const other of [null, alice, bob, { ...bob, agent: 'bot' }, { ...alice, agent: 'other' }])
      await t.rejects(connections.useConnectLink(other, secret), { code: 'MCP_FLOW_MISMATCH' })
    t.match(await connections.readConnectLink(withBot, secret), { server: 'office' })
    await storage.update(COLLECTIONS.links, id, {}, { userKey: null, agentKey: null })
    for (const anybody of [null, bob])
      await t.rejects(
        connections.useConnectLink(anybody, secret),
        { code: 'MCP_FLOW_MISMATCH' },
        'made by an older version'
      )
  }
)
