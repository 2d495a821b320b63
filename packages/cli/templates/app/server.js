import { buildApp, resource } from './app.js'
import { host, port, publicUrl } from './settings.js'

const app = await buildApp()
await app.listen({ host, port })
console.log(`${publicUrl}\nConnect: claude mcp add --transport http {{name}} ${resource}`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close().then(() => process.exit(0)))
