/**
 * A background job without Fastify: prints the briefing of a person, with the same storage and the same options as the app.
 *
 *   npx -y pnpm@12.21.0 worker alice
 */
import { createConnections } from '@fastify-mcp-auth/connections'
import { briefing } from './briefing.ts'
import { connectionsOptions } from './connections-options.ts'
import { openSettings } from './settings.ts'

const [, , userId = 'alice'] = process.argv
const { settings, close } = openSettings(process.env)
const connections = await createConnections(connectionsOptions(settings))
try {
  for (const { server, text, actionUrl } of await briefing(connections, userId))
    console.log(`${server}: ${text ?? `not connected${actionUrl === null ? '' : `, see ${actionUrl}`}`}`)
} finally {
  await connections.close()
  await close()
}
