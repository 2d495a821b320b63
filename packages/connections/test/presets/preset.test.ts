import t from 'tap'
import { createConnections } from '../../src/index.ts'
import { PRESETS, type PresetId, preset } from '../../src/presets/preset.ts'

const CLIENT = { issuer: 'https://issuer.example', clientId: 'c', clientSecret: 's' }
const ids = Object.keys(PRESETS) as PresetId[]

t.test(
  'item 23: every preset is a server that the options take, and names a source for everything it knows',
  async t => {
    for (const id of ids) {
      const { server, needsClient, facts } = PRESETS[id]
      const url = server.url ?? 'https://mcp.example/mcp'
      const definition = preset(id, { url, ...(needsClient ? { oauth: { client: CLIENT } } : {}) })
      const connections = await createConnections({
        baseUrl: 'http://127.0.0.1:3000',
        client: { name: 'Test' },
        servers: { [id]: definition }
      })
      t.equal((await connections.catalog({ type: 'user', id: 'alice' }))[0]?.serverName, server.name, id)
      await connections.close()
      t.ok(facts.length > 0, id)
      for (const { source, verified } of facts) {
        t.match(source, /^https:\/\//, `${id}: a source`)
        t.equal(verified, false, `${id}: nobody tried it`)
      }
    }
  }
)

t.test('a preset that needs what only the app has says so', async t => {
  t.throws(() => preset('github'), { code: 'FST_OAUTH_OPTION', message: /preset "github" needs "oauth.client"/ })
  t.throws(() => preset('slack'), /oauth.client/)
  t.throws(() => preset('entra', { oauth: { client: CLIENT } }), /preset "entra" needs "url"/)
  t.throws(() => preset('nobody' as PresetId), /is none of: linear/)
  t.throws(() => preset('constructor' as PresetId), /is none of/)
})

t.test('what the app says replaces what the preset says, and the quirks stay', async t => {
  const entra = preset('entra', {
    url: 'https://mcp.example/mcp',
    mode: 'per-agent',
    oauth: { client: CLIENT, scopes: ['a'] }
  })
  t.match(entra, {
    url: 'https://mcp.example/mcp',
    mode: 'per-agent',
    oauth: { client: CLIENT, scopes: ['a'], resource: 'omit', pkceUnadvertised: 'allow' }
  })
  t.match(preset('linear', { auth: 'bearer' }), { auth: 'bearer', url: 'https://mcp.linear.app/mcp' })
  const github = preset('github', { auth: 'bearer' })
  t.equal(github.auth, 'bearer')
})
