/** The provider for transports of the SDK that the app builds itself. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import { alice, createWorld } from './world.ts'

t.test('5.1: sdkProvider gives the access token only, refreshes what was refused, and signs nobody in', async t => {
  const world = await createWorld(t, { definition: { allowRawToken: true } })
  const { connections, issuer, server } = world
  await world.connect()
  const visits = issuer.count('authorize')
  const provider = connections.sdkProvider(alice, 'notes')
  t.strictSame(Object.keys(provider).toSorted(), ['onUnauthorized', 'token'])
  const client = new Client({ name: 'own', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(server.resource), { authProvider: provider }))
  t.teardown(() => client.close())
  t.match(await client.callTool({ name: 'whoami' }), { content: [{ text: 'alice' }] })
  for (const token of issuer.records.accessTokens.values()) token.revoked = true
  t.match(await client.callTool({ name: 'whoami' }), { content: [{ text: 'alice' }] })
  issuer.endGrants()
  await t.rejects(client.callTool({ name: 'whoami' }))
  t.equal((await connections.status(alice, 'notes')).status, 'needs_reauth')
  t.equal(issuer.count('authorize'), visits)
})

t.test('item 36: no provider for servers that keep their tokens, nor for tokens that are bound to a key', async t => {
  const kept = await createWorld(t)
  await kept.connect()
  await t.rejects(kept.connections.sdkProvider(alice, 'notes').token(), {
    code: 'MCP_NOT_ALLOWED',
    reason: 'raw_token'
  })
  const bound = await createWorld(t, {
    issuer: { behaviour: { dpop: 'required' } },
    definition: { allowRawToken: true, oauth: { dpop: true } }
  })
  await bound.connect()
  const answer = bound.connections.sdkProvider(alice, 'notes').token()
  await t.rejects(answer, { code: 'MCP_NOT_ALLOWED', reason: 'bound_token' })
})
