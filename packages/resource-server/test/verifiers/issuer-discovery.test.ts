import { settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { createIssuerDiscovery } from '../../src/verifiers/issuer-discovery.ts'

const issuer = 'https://issuer.test'

t.test('RFC 8414 3: metadata without the member that is needed is an outage, and the next one counts anew', async t => {
  let metadata: object = { issuer }
  const clock = settableClock(1_800_000_000)
  const fetch = async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(metadata)) })
  const discovery = createIssuerDiscovery(issuer, fetch, clock)
  t.strictSame(discovery.health(), { dependency: 'discovery', issuer, state: 'unknown', age: null })
  const missing = { code: 'FST_OAUTH_UNAVAILABLE', message: /has no jwks_uri/ }
  await t.rejects(discovery.find('jwks_uri'), missing)
  t.match(discovery.health(), { state: 'down', age: null })
  metadata = { issuer, jwks_uri: `${issuer}/jwks` }
  t.equal(await discovery.find('jwks_uri'), `${issuer}/jwks`)
  clock.advance(7)
  t.match(discovery.health(), { state: 'up', age: 7 })
  metadata = { issuer }
  await t.rejects(discovery.find('jwks_uri'), missing)
  t.match(discovery.health(), { state: 'down', age: 7 })
})
