// What can be set from outside: by the environment, or by .env beside this file.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const env = join(import.meta.dirname, '.env')
if (existsSync(env)) process.loadEnvFile(env)

const { ENCRYPTION_KEY, PORT = '3000', HOST = '127.0.0.1', PUBLIC_URL, DATABASE_URL } = process.env
if (!ENCRYPTION_KEY) throw new Error('ENCRYPTION_KEY is missing: make one with "mcp-auth keys generate"')

export const port = Number(PORT)
export const host = HOST
/** How others reach the app, to the character. Every URL of it is built from this, never from a request. */
export const publicUrl = PUBLIC_URL ?? `http://127.0.0.1:${port}`
export const databaseUrl = DATABASE_URL ?? `sqlite:${join(import.meta.dirname, 'data', 'app.sqlite')}`
export const encryptionKeys = [ENCRYPTION_KEY]
