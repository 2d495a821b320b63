/** The example of all-in-one with consent pages of its own. Only what is different is here. */
import { fileURLToPath } from 'node:url'
import type { ConsentOptions } from '@fastify-mcp-auth/consent'
import { buildApp } from '../all-in-one/app.ts'
import { readConfig } from '../all-in-one/config.ts'

/** The look of Acme: its name, its colour, its words, its frame around every page, and a consent page of its own. */
export const CONSENT: ConsentOptions = {
  brand: {
    name: 'Acme Notes',
    accent: '#0f7b5f'
  },
  connectedApps: '/connected-apps',
  templates: fileURLToPath(new URL('./templates', import.meta.url)),
  locales: {
    en: { 'consent.allow': 'Let it in', 'consent.deny': 'Not now' },
    de: { 'consent.allow': 'Zulassen', 'consent.deny': 'Jetzt nicht' }
  }
}

if (process.argv[1] === import.meta.filename) {
  const config = readConfig({ DATABASE_URL: 'memory:', ...process.env })
  const app = await buildApp(config, { consent: CONSENT })
  await app.listen({ host: config.host, port: config.port })
  console.log(
    `Connect an assistant to ${config.publicUrl}/mcp, or open ${config.publicUrl}. Sign in as alice / wonderland.`
  )
}
