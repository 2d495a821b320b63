/** One of two processes on one store: an authorization server that listens and tells every event to its parent. */
import { digest, systemClock } from '@fastify-mcp-auth/core'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import type { Test } from 'tap'
import { buildServer } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'
import { CHECKER } from './storm.ts'

const [url = '', tablePrefix = '', key = '', issuer = ''] = process.argv.slice(2)
const storage = sqlStorage({ url, tablePrefix })
// What fails here would stay unheard: the fixture only wants to be told when all is over.
const host = { teardown: () => undefined } as unknown as Test
const { app } = await buildServer(host, {
  storage: observableStorage(storage),
  fastify: { logger: false, forceCloseConnections: true },
  // Nobody has the name of a client.
  users: { find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null) },
  options: {
    issuer,
    clock: systemClock,
    encryptionKeys: [key],
    clients: [
      {
        client_id: CHECKER.clientId,
        client_name: 'Checker',
        client_secret_digest: digest(CHECKER.clientSecret),
        introspects: [`${issuer}/mcp`]
      }
    ],
    resources: { [`${issuer}/mcp`]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' } } },
    onEvent: event => void process.send?.({ event })
  }
})
const address = await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ address })
process.once('message', async () => {
  await app.close()
  await storage.close()
  process.send?.({ done: true }, undefined, undefined, () => process.disconnect())
})
