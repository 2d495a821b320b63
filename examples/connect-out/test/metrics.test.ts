/** What Prometheus is told about the example, asked as Prometheus asks. */

import { seedConnection } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { KEYS } from '../keyed-servers.ts'
import { listenDesk } from './running-desk.ts'

const port = await freePort()
process.env['METRICS_PORT'] = String(port)
await import('../metrics.ts')

t.test('a scrape says how many connections there are and how they do, and nothing about whose they are', async t => {
  const { desk } = await listenDesk(t)
  const alice = { type: 'user', id: 'alice', agent: 'briefing' } as const
  await seedConnection(desk.mcpConnections, { owner: alice, server: 'weather', secret: KEYS.weatherOfAlice })
  await desk.mcpConnections.syncTools(alice, 'weather')
  await desk.mcpConnections.setCredential(null, 'search', { secret: 'not-the-key' })
  await t.rejects(desk.mcpConnections.syncTools(null, 'search'), { code: 'MCP_CREDENTIAL_REJECTED' })

  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  t.match(response.headers.get('content-type'), 'text/plain')
  const text = await response.text()
  const valuesOf = (name: string) =>
    Object.fromEntries(
      [...text.matchAll(/^mcp_auth_connections_(\w+)\{([^}]*)\} (\S+)/gm)]
        .filter(([, found]) => found === name)
        .map(([, , labels = '', value]) => [labels.replace(/,?otel_scope_\w+="[^"]*"/g, ''), Number(value)])
    )
  t.strictSame(valuesOf('count'), {
    'server="weather",status="active",kind="bearer"': 1,
    'server="search",status="rejected",kind="header"': 1
  })
  t.strictSame(valuesOf('tools'), { 'server="weather"': 2 })
  // Besides those above there are the looks that follow each connect.
  t.match(valuesOf('tool_syncs_total'), { 'outcome="done"': Number, 'outcome="failed"': Number })
  t.notMatch(text, /alice|not-the-key|weather-alice/)
})
