/** Where everything of the example listens, and what it keeps where. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { readConfig } from '../all-in-one/config.ts'
import type { Settings } from './connections-options.ts'

export interface Ports {
  readonly desk: number
  readonly notes: number
  readonly weather: number
  readonly search: number
}

/** @param environment `PORT` (3100): the first of four ports; `DATA` (`./data`): the folder of the databases and the key */
export function openSettings(environment: Readonly<Record<string, string | undefined>>): {
  readonly settings: Settings
  readonly ports: Ports
  readonly dataDirectory: string
  close(): Promise<void>
} {
  const first = Number(environment['PORT'] || 3100)
  const ports = { desk: first, notes: first + 1, weather: first + 2, search: first + 3 }
  const dataDirectory = resolve(environment['DATA'] || 'data')
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  const storage = sqlStorage({ url: `sqlite:${join(dataDirectory, 'desk.sqlite')}` })
  const { encryptionKey } = readConfig({ DATABASE_URL: `sqlite:${join(dataDirectory, 'desk.sqlite')}` }, dataDirectory)
  const at = (port: number): string => `http://127.0.0.1:${port}`
  return {
    ports,
    dataDirectory,
    settings: {
      publicUrl: at(ports.desk),
      storage,
      encryptionKey,
      notesUrl: `${at(ports.notes)}/mcp`,
      weatherUrl: `${at(ports.weather)}/mcp`,
      searchUrl: `${at(ports.search)}/mcp`
    },
    close: async () => storage.close()
  }
}
