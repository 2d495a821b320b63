/** Starts the example and says how to connect to it. */

import { DEMO_ACCOUNTS } from './accounts.ts'
import { buildApp } from './app.ts'
import { type Config, readConfig } from './config.ts'

const config = readConfigOrExit()
const app = await buildApp(config, { logger: { level: process.env['LOG_LEVEL'] ?? 'warn' } })

let closing = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    // The second signal is from somebody who does not want to wait.
    if (closing) process.exit(1)
    closing = true
    app.close().then(() => process.exit(0))
  })

try {
  await app.listen({ host: config.host, port: config.port })
} catch (error) {
  // Almost always a port that somebody else uses; the message says which.
  console.error(`${error instanceof Error ? error.message : error}\nSet PORT or HOST to listen elsewhere.`)
  process.exit(1)
}
console.log(greeting(config))

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}

function greeting({ publicUrl, host, port, databaseUrl }: Config): string {
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
  DATABASE_URL=${withoutPassword(databaseUrl)}   (or postgres://, mysql://, memory:)

Stop with Ctrl+C.`
}

function withoutPassword(databaseUrl: string): string {
  return databaseUrl.replace(/\/\/[^@/]*@/, '//***@')
}
