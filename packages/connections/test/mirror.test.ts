/** How the app that runs tells the doctor how it sees requests, and nobody else. */
import t from 'tap'
import { BASE, buildWorld, PREFIX } from './app.ts'
import { createWorld } from './world.ts'

t.test('feature 12: a pass of the same keys and the same deployment, for an hour, whoever is ahead', async t => {
  const { connections, another, clock } = await createWorld(t)
  const { url, headers } = connections.mirror.request()
  const [pass] = Object.values(headers)
  t.equal(url, `${BASE}${PREFIX}/mirror`)
  t.ok((await another()).mirror.admits(pass))
  t.notOk((await another({ prefix: '/other' })).mirror.admits(pass), 'another deployment')
  const keys = { encryptionKeys: [Buffer.alloc(32, 'another').toString('base64')] }
  t.notOk((await another(keys)).mirror.admits(pass), 'other keys')
  for (const text of [undefined, '', 'x', pass?.slice(1), [pass]]) t.notOk(connections.mirror.admits(text))
  clock.advance(3600)
  t.ok(connections.mirror.admits(pass))
  clock.advance(1)
  t.notOk(connections.mirror.admits(pass))
})

t.test('feature 12: the app tells how a request looks to it, and gives it a cookie', async t => {
  const { app } = await buildWorld(t)
  const { url, headers } = app.mcpConnections.mirror.request()
  const sent = { ...headers, 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https', host: 'app.example' }
  const answer = await app.inject({ url: new URL(url).pathname, headers: sent })
  t.match(answer, { statusCode: 200, headers: { 'cache-control': 'no-store', 'set-cookie': /^mcp-connections=/ } })
  t.match(answer.json(), {
    protocol: 'http',
    host: 'app.example',
    addresses: ['127.0.0.1'],
    isForwarded: true,
    now: Number
  })
  const stranger = await app.inject({ url: `${PREFIX}/mirror`, headers: { accept: 'application/json' } })
  t.match(stranger, { statusCode: 404, headers: { 'set-cookie': undefined } })
})
