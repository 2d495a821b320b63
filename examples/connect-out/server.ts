/** Starts the product and the three servers that it connects to, and says what to do. */
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../all-in-one/app.ts'
import { readConfig } from '../all-in-one/config.ts'
import { buildDesk } from './app.ts'
import { buildSearch, buildWeather, KEYS } from './keyed-servers.ts'
import { openSettings } from './settings.ts'

const { settings, ports, dataDirectory, close } = openSettings(process.env)
const notes = await buildApp(
  readConfig(
    { PORT: String(ports.notes), DATABASE_URL: `sqlite:${join(dataDirectory, 'notes.sqlite')}` },
    dataDirectory
  ),
  { logger: { level: 'warn' } }
)
const apps = new Map<FastifyInstance, number>([
  [notes, ports.notes],
  [buildWeather(), ports.weather],
  [buildSearch(), ports.search],
  [await buildDesk(settings), ports.desk]
])
for (const [app, port] of apps) await app.listen({ host: '127.0.0.1', port })

let closing = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, async () => {
    // The second signal is from somebody who does not want to wait.
    if (closing) process.exit(1)
    closing = true
    await Promise.all([...apps.keys()].map(app => app.close()))
    await close()
    process.exit(0)
  })

console.log(`
Acme Desk, a product whose users connect to MCP servers

  Open in a browser   ${settings.publicUrl}

  Acme Notes          sign in there as alice / wonderland or bob / builder
  Weather             takes ${KEYS.weatherOfAlice} or ${KEYS.weatherOfBob}
  Office search       takes ${KEYS.search}

  A job               npx -y pnpm@12.21.0 worker alice

Stop with Ctrl+C.`)
