// A job without a web framework: the tools that one person has connected.   node job.js alice
// A queue hands it the id of the person, never a token.
import { asMcpConnectionError, createConnections } from '@fastify-mcp-auth/connections'
import { connectionsOptions } from './connections.js'
import { openStorage } from './storage.js'

const [, , userId] = process.argv
if (!userId) throw new Error('say for whom: node job.js alice')

const storage = openStorage()
const connections = await createConnections(connectionsOptions(storage))
const mine = connections.for({ type: 'user', id: userId })
try {
  for (const { server } of await mine.catalog())
    try {
      const { tools } = await mine.withClient(server, client => client.listTools())
      console.log(`${server}: ${tools.map(({ name }) => name).join(', ')}`)
    } catch (error) {
      const failure = asMcpConnectionError(error)
      // Not ours, or it may pass: let the queue try again.
      if (!failure || failure.retryable) throw error
      console.log(`${server}: ${failure.code}${failure.actionUrl ? `, mended at ${failure.actionUrl}` : ''}`)
    }
} finally {
  await connections.close()
  await storage.close()
}
