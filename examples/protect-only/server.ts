/** Starts the example: `ISSUER=https://login.example.com node server.ts` */
import { buildApp } from './app.ts'
import { explain, readOptions } from './config.ts'

const { PORT = '3000', HOST: host = '127.0.0.1' } = process.env
const RESOURCE = process.env['RESOURCE'] ?? `${process.env['PUBLIC_URL'] ?? `http://127.0.0.1:${PORT}`}/mcp`
try {
  const app = await buildApp(readOptions({ ...process.env, RESOURCE }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => app.close().then(() => process.exit(0)))
  await app.listen({ host, port: Number(PORT) })
  console.log(`MCP endpoint ${app.mcpAuth.resource}, tokens from ${app.mcpAuth.metadata.authorization_servers?.join()}`)
} catch (error) {
  console.error(explain(error) ?? error)
  process.exit(1)
}
