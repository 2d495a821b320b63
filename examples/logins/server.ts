/** Starts the app with one of the logins: `node server.ts session`, `secure-session`, `passport` or `openid`. */
import { randomBytes } from 'node:crypto'
import { createAccounts } from './accounts.ts'
import { buildApp, type Login } from './app.ts'

const {
  PORT: port = '3000',
  ISSUER: issuer = '',
  CLIENT_ID: clientId = '',
  CLIENT_SECRET: clientSecret = ''
} = process.env
const publicUrl = process.env['PUBLIC_URL'] ?? `http://127.0.0.1:${port}`

const LOGINS: Record<string, () => Promise<Login>> = {
  session: async () => (await import('./session.ts')).login,
  'secure-session': async () => (await import(SECURE_SESSION)).login,
  passport: async () => (await import('./passport.ts')).login,
  openid: async () => (await import('./openid.ts')).loginAt({ issuer, clientId, clientSecret })
}
// Not a literal, so that the compiler does not see two types for `request.session` in one program.
const SECURE_SESSION: string = './secure-session.ts'

const [name = 'session'] = process.argv.slice(2)
const login = await LOGINS[name]?.()
if (!login) throw new Error(`unknown login "${name}": ${Object.keys(LOGINS).join(', ')}`)
// Made anew at each start: nothing of this app outlives it.
const sessionKey = randomBytes(32)
const app = await buildApp(login, { accounts: createAccounts(), publicUrl, sessionKey })
await app.listen({ port: Number(port) })
console.log(`MCP endpoint ${publicUrl}/mcp, account alice@example.com / wonderland`)
