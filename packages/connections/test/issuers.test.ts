/** What is remembered of authorization servers: by issuer, for every server that names it, and no server can spoil it for another. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FetchRefusedError } from '@fastify-mcp-auth/core'
import { settableClock } from '@fastify-mcp-auth/testing'
import { createFakeAuthorizationServer, createFakeMcpServer, fault } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { Issuers } from '../src/issuers.ts'
import type { Route } from '../src/network.ts'
import { alice, BINDING, bob, createWorld } from './world.ts'

/** `max-age` of the metadata of the fake issuer. */
const MAX_AGE = 300

/** Two servers that name the same issuer. */
async function twoServers(t: Test) {
  const world = await createWorld(t)
  const wiki = await createFakeMcpServer({ clock: world.clock, authorizationServer: world.issuer })
  t.teardown(() => wiki.close())
  const connections = await world.another({
    servers: { notes: { url: world.server.resource }, wiki: { url: wiki.resource } }
  })
  const begin = (server: string, owner = alice) => connections.start(owner, server, { binding: BINDING })
  return { ...world, connections, wiki, begin, read: () => world.issuer.count('metadata') }
}

t.test('feature 22: one document for all owners and all servers of an issuer, until its time is over', async t => {
  const { begin, read, clock, server, wiki } = await twoServers(t)
  await begin('notes')
  t.equal(read(), 1)
  const asked = server.count('metadata')
  await Promise.all([begin('notes', bob), begin('wiki'), begin('wiki', bob)])
  t.equal(read(), 1)
  t.ok(server.count('metadata') > asked, 'where a server belongs is its own to say, at every sign-in')
  t.ok(wiki.count('metadata') > 0)
  clock.advance(MAX_AGE - 1)
  await begin('wiki')
  t.equal(read(), 1)
  clock.advance(1)
  await begin('notes')
  t.equal(read(), 2)
})

t.test('feature 22: many at once ask once', async t => {
  const { begin, read } = await twoServers(t)
  await Promise.all([begin('notes'), begin('notes', bob), begin('wiki'), begin('wiki', bob)])
  t.equal(read(), 1)
})

t.test('feature 22: a challenge has it read once more, and what is there counts while that fails', async t => {
  const { connections, issuer, server, clock, connect, begin, read } = await twoServers(t)
  await connect()
  await begin('wiki')
  const challenged = async (): Promise<number> => {
    const before = read()
    server.fail('mcp', fault.html(401))
    await connections.withClient(alice, 'notes', client => client.listTools())
    return read() - before
  }
  t.equal(await challenged(), 0, 'not for each of a flood')
  clock.advance(31)
  t.equal(await challenged(), 1)
  clock.advance(31)
  issuer.fail('metadata', fault.unavailable(), { times: 10 })
  t.ok((await challenged()) > 0)
  const failed = read()
  await begin('wiki')
  t.equal(read(), failed, 'the other server has lost nothing')
})

t.test('feature 22: what does not work is read anew by the next, and an outage takes nothing away', async t => {
  const { begin, issuer, read } = await twoServers(t)
  issuer.behaviour.metadata = { code_challenge_methods_supported: ['plain'] }
  await t.rejects(begin('notes'), { code: 'MCP_PKCE_UNSUPPORTED' })
  issuer.behaviour.metadata = {}
  t.ok(await begin('wiki'))
  t.equal(read(), 2)
  issuer.fail('register', fault.oauthError('invalid_client_metadata'))
  issuer.behaviour.metadata = { registration_endpoint: undefined }
  t.ok(await begin('notes'))
  t.equal(read(), 2)
})

t.test('feature 22: the doctor looks for itself', async t => {
  const { connections, begin, read } = await twoServers(t)
  await begin('notes')
  await connections.diagnose('notes')
  t.equal(read(), 2)
})

t.test('feature 22: a server that says something in the name of an issuer is not heard by others', async t => {
  const { issuer, server, another } = await createWorld(t)
  const said: string[] = []
  const evil = createServer((request, response) => {
    const { url = '' } = request
    said.push(url)
    const origin = `http://${request.headers.host}`
    const lie = { issuer: issuer.issuer, authorization_endpoint: `${origin}/a`, token_endpoint: `${origin}/t` }
    const isMetadata = url.includes('authorization-server') || url.includes('openid-configuration')
    const more = { code_challenge_methods_supported: ['S256'], response_types_supported: ['code'] }
    response.writeHead(isMetadata ? 200 : url === '/mcp' ? 401 : 404, { 'content-type': 'application/json' })
    response.end(isMetadata ? JSON.stringify({ ...lie, ...more }) : '{}')
  })
  evil.listen(0, '127.0.0.1')
  await once(evil, 'listening')
  t.teardown(() => evil.close().closeAllConnections())
  const url = `http://127.0.0.1:${(evil.address() as AddressInfo).port}/mcp`
  const connections = await another({ servers: { evil: { url }, notes: { url: server.resource } } })
  await t.rejects(connections.start(alice, 'evil', { binding: BINDING }))
  t.ok(said.some(path => path.includes('authorization-server')))
  const started = await connections.start(alice, 'notes', { binding: BINDING })
  t.ok(started.url.startsWith(issuer.issuer))
  t.equal(issuer.count('metadata'), 1)
})

t.test('feature 22: a server that names ever new issuers pushes out its own only', async t => {
  const { begin, read, wiki, clock } = await twoServers(t)
  await begin('notes')
  const others = await Promise.all(Array.from({ length: 12 }, () => createFakeAuthorizationServer({ clock })))
  t.teardown(() => Promise.all(others.map(other => other.close())))
  for (const { issuer } of others) {
    wiki.behaviour.authorizationServers = [issuer]
    await begin('wiki')
  }
  await begin('notes')
  t.equal(read(), 1)
  const [first, last] = [others[0], others.at(-1)]
  for (const other of [first, last]) {
    wiki.behaviour.authorizationServers = [other?.issuer ?? '']
    await begin('wiki')
  }
  t.equal(first?.count('metadata'), 2, 'of its own it holds a few')
  t.equal(last?.count('metadata'), 1)
})

const ISSUER = 'https://login.example'

const documentOf = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/a`,
  token_endpoint: `${issuer}/t`,
  response_types_supported: ['code']
})

type Answer = 'document' | 'nothing' | 'outage' | 'refusal'

/** What is remembered, and of whom something was asked since the last look. */
function memory() {
  const clock = settableClock()
  const issuers = new Issuers()
  const asked = new Set<string>()
  const world = { answer: 'document' as Answer }
  const route = (addresses: Route['addresses']): Route => ({
    addresses,
    async oauth(url) {
      const { origin } = new URL(url)
      asked.add(origin)
      if (world.answer === 'refusal') throw new FetchRefusedError('address', 'not public')
      const status = { document: 200, nothing: 404, outage: 503 }[world.answer]
      return { status, headers: {}, body: Buffer.from(JSON.stringify(documentOf(origin))) }
    },
    mcp: async () => new Response()
  })
  const read = async (
    server: string,
    issuer = ISSUER,
    { addresses = 'public' as Route['addresses'], isNews = false, isGuess = false } = {}
  ) => {
    asked.clear()
    const asker = { server, route: route(addresses), clock }
    const look = await issuers.read(asker, isGuess ? [issuer, `${issuer}/`] : [issuer], isNews)
    return { isFound: look.document !== null, isAsked: asked.size > 0, steps: look.steps }
  }
  return { clock, issuers, world, read }
}

t.test('feature 22: what was read within a private network is not handed to a server of the public one', async t => {
  const { read } = memory()
  for (const addresses of ['any', 'public', 'public-or-loopback'] as const) {
    t.match(await read('a', ISSUER, { addresses }), { isFound: true, isAsked: true })
    t.match(await read('b', ISSUER, { addresses }), { isFound: true, isAsked: false })
  }
})

t.test('feature 22: only a document is remembered, and that there is none where nobody has named one', async t => {
  for (const answer of ['nothing', 'outage', 'refusal'] as const) {
    const { read, world } = memory()
    world.answer = answer
    for (const isGuess of [false, true]) {
      t.match(await read('a', ISSUER, { isGuess }), { isFound: false, isAsked: true })
      const isRemembered = answer === 'nothing' && isGuess
      t.match(await read('a', ISSUER, { isGuess }), { isFound: false, isAsked: !isRemembered }, `${answer} ${isGuess}`)
    }
    world.answer = 'document'
    t.match(
      await read('a'),
      { isFound: true, isAsked: true },
      'what somebody guessed says nothing of one that is named'
    )
  }
})

t.test('feature 22: an outage leaves what is good, and not a second longer', async t => {
  const { read, world, clock, issuers } = memory()
  await read('a')
  issuers.doubt('https://other.example')
  t.match(await read('a'), { isAsked: false })
  issuers.doubt(ISSUER)
  world.answer = 'outage'
  t.match(await read('b'), { isFound: true, isAsked: true, steps: [{ outcome: 'skipped' }] })
  world.answer = 'nothing'
  t.match(await read('b'), { isFound: false, isAsked: true }, 'its own word counts')
  world.answer = 'document'
  t.match(await read('a'), { isFound: true, isAsked: true })
  t.match(await read('a'), { isAsked: false })
  clock.advance(30)
  t.match(await read('a', ISSUER, { isNews: true }), { isAsked: true })
  clock.advance(29)
  t.match(await read('a', ISSUER, { isNews: true }), { isAsked: false })
  clock.advance(-60)
  t.match(await read('a'), { isAsked: true }, 'a clock that jumped back')
  clock.advance(3600)
  world.answer = 'outage'
  t.match(await read('a'), { isFound: false, isAsked: true })
})

t.test(
  'feature 22: what one server lets go of stays for the others who hold it, and is gone with the last',
  async t => {
    const { read } = memory()
    const others = Array.from({ length: 8 }, (_, at) => `https://other-${at}.example`)
    await read('good')
    await read('good')
    await read('evil')
    for (const issuer of others) await read('evil', issuer)
    t.match(await read('good'), { isAsked: false })
    for (const issuer of others) await read('good', issuer)
    t.match(await read('good'), { isAsked: true }, 'nobody held it any more')
  }
)
