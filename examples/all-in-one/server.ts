/** Starts the example and says how to connect to it. */

import { DEMO_ACCOUNTS } from './accounts.ts'
import { buildApp } from './app.ts'
import { type Config, readConfig } from './config.ts'

const logLevel = process.env['LOG_LEVEL'] ?? 'warn'

await start().catch(fail)

async function start(): Promise<void> {
  const config = readConfig(process.env)
  const app = await buildApp(config, { logger: { level: logLevel } })
  let closing = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      // The second signal is from somebody who does not want to wait.
      if (closing) process.exit(1)
      closing = true
      app.close().then(() => process.exit(0), fail)
    })
  await app.listen({ host: config.host, port: config.port })
  console.log(greeting(config))
}

/** A setting is to blame most of the time, and the message names it; whoever wants to see more asks for it. */
function fail(error: unknown): never {
  if (!(error instanceof Error) || logLevel === 'debug' || logLevel === 'trace') console.error(error)
  else
    console.error([error.message, error.cause instanceof Error ? error.cause.message : ''].filter(Boolean).join(': '))
  process.exit(1)
}

function greeting({ publicUrl, host, port, databaseUrl, redisUrl }: Config): string {
  const mcp = `${publicUrl}/mcp`
  const accounts = DEMO_ACCOUNTS.map(({ username, password }) => `${username} / ${password}`).join(', ')
  return `
Acme Notes, an MCP server with its own authorization server

  Open in a browser   ${publicUrl}
  MCP endpoint        ${mcp}
  Accounts            ${accounts}

Connect
  Claude Code         claude mcp add --transport http acme-notes ${mcp}
  VS Code             code --add-mcp '${JSON.stringify({ name: 'acme-notes', type: 'http', url: mcp })}'
  MCP Inspector       npx @modelcontextprotocol/inspector --transport http --server-url ${mcp}

Settings
  PORT=${port}  HOST=${host}  PUBLIC_URL=${publicUrl}
  DATABASE_URL=${withoutPassword(databaseUrl)}   (or postgres://, mysql://, redis://, memory:)
  REDIS_URL=${redisUrl === null ? '' : withoutPassword(redisUrl)}   (optional: redis://)

Stop with Ctrl+C.`
}

function withoutPassword(databaseUrl: string): string {
  return databaseUrl.replace(/\/\/[^@/]*@/, '//***@')
}
