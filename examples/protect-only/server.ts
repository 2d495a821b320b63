/** Starts the example: `ISSUER=https://login.example.com node server.ts` */
import { buildApp } from './app.ts'

const { ISSUER: issuer, PORT = '3000', HOST: host = '127.0.0.1' } = process.env
if (!issuer) {
  console.error('ISSUER is missing: the URL of the authorization server whose tokens are accepted')
  process.exit(1)
}
const publicUrl = process.env['PUBLIC_URL'] ?? `http://127.0.0.1:${PORT}`
const app = await buildApp({ issuer, resource: `${publicUrl}/mcp` })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => app.close().then(() => process.exit(0)))
await app.listen({ host, port: Number(PORT) })
console.log(`MCP endpoint ${publicUrl}/mcp, tokens from ${issuer}`)
