import { buildApp } from './app.js'
import { host, port, publicUrl } from './settings.js'

const app = await buildApp()
await app.listen({ host, port })
console.log(`${publicUrl}\nPeople connect servers at ${app.mcpConnections.urls.index}`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close().then(() => process.exit(0)))
