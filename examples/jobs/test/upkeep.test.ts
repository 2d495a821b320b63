/** What has to be done regularly, with a clock that the test moves. */
import { randomBytes } from 'node:crypto'
import { createConnections } from '@fastify-mcp-auth/connections'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { settableClock } from '@fastify-mcp-auth/testing'
import {
  createFakeAuthorizationServer,
  createFakeMcpServer,
  fault,
  walkAuthorization
} from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { upkeep } from '../upkeep.ts'

t.test('items 62, 66: a token is new before it ends, what is over goes, and what is owed is revoked later', async t => {
  const clock = settableClock()
  const issuer = await createFakeAuthorizationServer({ clock })
  const server = await createFakeMcpServer({ clock, authorizationServer: issuer })
  const connections = await createConnections({
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test' },
    network: { allowLoopback: true },
    storage: memoryStorage(),
    encryptionKeys: [randomBytes(32).toString('base64')],
    clock,
    servers: { notes: { url: server.resource } }
  })
  t.teardown(() => Promise.all([connections, server, issuer].map(each => each.close())))
  const owner = { type: 'user', id: 'alice' } as const
  const binding = 'the-cookie-of-this-browser'
  const { url } = await connections.start(owner, 'notes', { binding })
  await connections.complete({ params: await walkAuthorization(url, { username: 'alice' }), binding, owner })

  t.match(await upkeep(connections), { refreshed: 0, revoked: 0 }, 'nothing is due')
  clock.advance(3400)
  t.match(await upkeep(connections), { refreshed: 1, removed: Number }, 'its hour is nearly over')
  issuer.fail('revoke', fault.unavailable())
  await connections.disconnect(owner, 'notes')
  clock.advance(120)
  t.match(await upkeep(connections), { refreshed: 0, revoked: 1 }, 'the issuer was down when she disconnected')
})
