/** 5.7, as a stranger, a second tab or an impatient person meets it: through the routes of the plugin. */
import { fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { buildWorld, personOf } from '../app.ts'
import { alice } from '../world.ts'

t.test(
  '5.7 open CIMD enumeration: there is one document, it says the same to everybody, and nothing of anybody',
  async t => {
    const { app } = await buildWorld(t)
    const { body } = await personOf(app, null).get('client.json')
    const alice = personOf(app, 'alice')
    await alice.post('credentials/keyed', { secret: 'key-of-alice' })
    for (const path of ['client.json?user=alice', 'client.json?server=notes&account=work', 'client.json'])
      t.equal((await alice.get(path)).body, body, path)
    for (const path of [
      'client-alice.json',
      'clients/alice.json',
      'client.json/alice',
      'client.json/../../admin',
      'jwks.json/1'
    ])
      t.not((await personOf(app, null, 'application/json').get(path)).statusCode, 200, path)
    t.notMatch(body, /alice|notes|keyed|agents/)
    const members = Object.keys(JSON.parse(body)).toSorted()
    t.ok(members.includes('client_id') && !members.includes('client_secret'))
  }
)

t.test('5.7 two tabs, double click, back button over HTTP: one exchange each, and no error for the person', async t => {
  const { app, authorizationServer } = await buildWorld(t)
  const person = personOf(app, 'alice')
  const begin = async () => (await person.post('connect/notes')).headers.location as string
  const [first, second] = [await begin(), await begin()]
  const answers = await Promise.all(
    [first, second].map(async url => `callback?${(await walkAuthorization(url)).toString()}`)
  )
  const exchanges = () => authorizationServer.count('token')
  authorizationServer.fail('token', fault.slow(50), { times: 2 })
  const [twice, again] = await Promise.all([person.get(answers[0] ?? ''), person.get(answers[0] ?? '')])
  t.ok([twice, again].some(({ statusCode }) => statusCode === 303))
  t.equal(exchanges(), 1, 'a double click')
  t.equal((await person.get(answers[1] ?? '')).statusCode, 303)
  t.equal(exchanges(), 2, 'the other tab')
  for (const answer of answers) t.equal((await person.get(answer)).statusCode, 303)
  t.equal(exchanges(), 2, 'the back button')
  t.equal((await app.mcpConnections.status(alice, 'notes')).status, 'active')
})

t.test('5.7 mixed-up AS over HTTP: the answer of another server is neither followed nor shown', async t => {
  const { app, authorizationServer } = await buildWorld(t)
  const person = personOf(app, 'alice')
  const params = await walkAuthorization((await person.post('connect/notes')).headers.location as string)
  params.set('iss', 'https://attacker.example')
  params.set('error', 'access_denied')
  params.set('error_description', '<b>call +1 555</b>')
  const answer = await person.get(`callback?${params.toString()}`)
  t.equal(answer.statusCode, 502)
  t.notMatch(answer.body, /attacker|555|access_denied/)
  t.equal(authorizationServer.count('token'), 0)
})

t.test('5.7 header injection and oversized input over HTTP: refused, and nothing is stored', async t => {
  const { app } = await buildWorld(t)
  const person = personOf(app, 'alice')
  for (const secret of ['a\r\nx-admin: 1', 'a\0b', 'x'.repeat(20_000)]) {
    const answer = await person.post('credentials/keyed', { secret })
    t.ok(answer.statusCode >= 400 && answer.statusCode < 500, String(answer.statusCode))
    t.notOk(answer.body.includes(secret))
  }
  for (const account of ['x'.repeat(600), ''])
    t.not((await person.post('connect/notes', { account, returnTo: '/' })).statusCode, 500)
  t.equal((await app.mcpConnections.status(alice, 'keyed')).status, 'not_connected')
})

t.test(
  '5.7 callback replay over HTTP: of another person, after the connection was ended, and with another code',
  async t => {
    const { app, authorizationServer } = await buildWorld(t)
    const person = personOf(app, 'alice')
    const params = await walkAuthorization((await person.post('connect/notes')).headers.location as string)
    const answer = `callback?${params.toString()}`
    t.equal((await person.get(answer)).statusCode, 303)
    const { id } = await app.mcpConnections.status(alice, 'notes')
    await person.post(`${id}/disconnect`)
    const before = authorizationServer.count('token')
    const replayed = await person.get(answer)
    t.equal(replayed.statusCode, 410)
    params.set('code', 'another')
    t.equal((await person.get(`callback?${params.toString()}`)).statusCode, 410)
    t.equal(authorizationServer.count('token'), before)
    t.equal((await app.mcpConnections.status(alice, 'notes')).status, 'not_connected', 'ended stays ended')
  }
)
