/** Many people at the same time, over HTTP. */
import t from 'tap'
import { createApp, RESOURCE } from '../app.ts'
import { CLIENTS, type McpClient } from './mcp-clients.ts'
import { SERVERS } from './mcp-servers.ts'

const PEOPLE = Array.from({ length: 100 }, (_, index) => `user-${'x'.repeat(index % 5)}-${index}`)

for (const [name, routes] of Object.entries(SERVERS))
  t.test(
    `CVE-2026-25536: ${name}: 100 people with clients of their own, and each tool call is its caller's`,
    async t => {
      const { app, issuer } = await createApp(t, { routes, options: { protect: ['/mcp'] } })
      const url = new URL('/mcp', await app.listen({ port: 0, host: '127.0.0.1' }))
      const connect = name === 'SDK v2' ? CLIENTS.v2 : CLIENTS.v1
      const clients = new Map<string, McpClient>()
      t.teardown(() => Promise.all([...clients.values()].map(client => client.close())))
      await Promise.all(
        PEOPLE.map(async subject => {
          const token = await issuer.mint({ resource: RESOURCE, subject, clientId: `client-of-${subject}` })
          clients.set(subject, await connect(url, { authorization: `Bearer ${token}` }))
        })
      )
      for (let round = 0; round < 2; round++) {
        const seen = await Promise.all(PEOPLE.map(subject => clients.get(subject)?.call('whoami')))
        t.strictSame(
          seen,
          PEOPLE.map(subject => `${subject} client-of-${subject}`)
        )
      }
    }
  )
