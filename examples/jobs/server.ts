/**
 * The product of connect-out with a queue beside it, and what its workers have to be told.
 *
 *   DATABASE_URL=postgres://... [REDIS_URL=redis://...] npx -y pnpm@12.21.0 start
 */
import { randomBytes } from 'node:crypto'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { buildApp } from '../all-in-one/app.ts'
import { readConfig } from '../all-in-one/config.ts'
import { buildDesk } from '../connect-out/app.ts'
import { buildSearch, buildWeather, KEYS } from '../connect-out/keyed-servers.ts'
import { required } from './open-connections.ts'
import { openQueueOf } from './queue.ts'

const databaseUrl = required(process.env, 'DATABASE_URL')
const redisUrl = process.env['REDIS_URL']
// Lost with this process, and with it everything that was connected: yours comes from where your secrets are.
const encryptionKey = process.env['ENCRYPTION_KEY'] ?? randomBytes(32).toString('base64')
const at = (port: number): string => `http://127.0.0.1:${port}`
const urls = {
  publicUrl: at(3200),
  notesUrl: `${at(3201)}/mcp`,
  weatherUrl: `${at(3202)}/mcp`,
  searchUrl: `${at(3203)}/mcp`
}

const queue = await openQueueOf(process.env)
const desk = await buildDesk({ ...urls, storage: sqlStorage({ url: databaseUrl }), encryptionKey })
// What everybody shares has no owner: jobs that wait for it go on when they are looked at next.
for (const type of ['connected', 'reconnected'] as const)
  desk.mcpConnections.on(type, ({ owner }) => owner && queue.goOn(owner.id))

const notes = await buildApp(readConfig({ PORT: '3201', DATABASE_URL: 'memory:' }), { logger: { level: 'warn' } })
for (const [port, app] of [notes, buildWeather(), buildSearch()].entries())
  await app.listen({ host: '127.0.0.1', port: 3201 + port })
await desk.listen({ host: '127.0.0.1', port: 3200 })

console.log(`
Connect in a browser     ${urls.publicUrl}  (Acme Notes: alice / wonderland; keys: ${KEYS.weatherOfAlice}, ${KEYS.search})
Order a briefing         npx -y pnpm@12.21.0 order alice   (with the same DATABASE_URL, REDIS_URL)
Start workers            PUBLIC_URL=${urls.publicUrl} NOTES_URL=${urls.notesUrl} WEATHER_URL=${urls.weatherUrl} \\
                         SEARCH_URL=${urls.searchUrl} ENCRYPTION_KEY=${encryptionKey} DATABASE_URL=${databaseUrl} \\
                         ${redisUrl ? `REDIS_URL=${redisUrl} npx -y pnpm@12.21.0 bullmq` : 'npx -y pnpm@12.21.0 pg-boss'}
`)
