/** The whole example on ports of its own. */
import { createHash } from 'node:crypto'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { buildApp } from '../../all-in-one/app.ts'
import { readConfig } from '../../all-in-one/config.ts'
import { buildDesk } from '../app.ts'
import type { Settings } from '../connections-options.ts'
import { buildSearch, buildWeather } from '../keyed-servers.ts'

export interface RunningDesk {
  readonly desk: FastifyInstance
  readonly notes: FastifyInstance
  readonly origin: string
  readonly settings: Settings
}

/** @param options what the test brings itself: memory, and the usual weather, when left out */
export async function listenDesk(
  t: Test,
  { storage = memoryStorage(), weather = buildWeather() }: { storage?: StorageDriver; weather?: FastifyInstance } = {}
): Promise<RunningDesk> {
  const [deskPort, notesPort] = [await freePort(), await freePort()]
  const notes = await buildApp(readConfig({ PORT: String(notesPort), DATABASE_URL: 'memory:' }))
  const search = buildSearch()
  const settings: Settings = {
    publicUrl: `http://127.0.0.1:${deskPort}`,
    storage,
    encryptionKey: createHash('sha256').update('key of the tests').digest('base64'),
    notesUrl: `${await notes.listen({ host: '127.0.0.1', port: notesPort })}/mcp`,
    weatherUrl: `${await weather.listen({ host: '127.0.0.1', port: 0 })}/mcp`,
    searchUrl: `${await search.listen({ host: '127.0.0.1', port: 0 })}/mcp`
  }
  const desk = await buildDesk(settings, { logger: false })
  await desk.listen({ host: '127.0.0.1', port: deskPort })
  t.teardown(() => Promise.all([desk, notes, weather, search].map(app => app.close())))
  return { desk, notes, origin: settings.publicUrl, settings }
}
