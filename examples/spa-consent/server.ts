/** The example of all-in-one with a consent page drawn by script: the question comes as JSON. Only what is different is here. */
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../all-in-one/app.ts'
import { type Config, readConfig } from '../all-in-one/config.ts'

/** What a page needs that lets a person decide: nobody frames it, it runs its own script only, and it is kept nowhere. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store'
}

export async function buildSpa(config: Config): Promise<FastifyInstance> {
  const app = await buildApp(config, {
    consent: { brand: { name: 'Acme Notes' }, json: true },
    authorizationServer: { interactionUrl: handle => `/consent/${handle}` }
  })
  const read = (name: string): Promise<Buffer> => readFile(new URL(`./public/${name}`, import.meta.url))
  const [page, script] = await Promise.all(['consent.html', 'consent.js'].map(read))
  app.get('/consent/:handle', async (_request, reply) => reply.headers(HEADERS).type('text/html').send(page))
  app.get('/consent.js', async (_request, reply) => reply.type('text/javascript').send(script))
  return app
}

if (process.argv[1] === import.meta.filename) {
  const config = readConfig({ DATABASE_URL: 'memory:', ...process.env })
  const app = await buildSpa(config)
  await app.listen({ host: config.host, port: config.port })
  console.log(`Connect an assistant to ${config.publicUrl}/mcp and sign in as alice / wonderland.`)
}
