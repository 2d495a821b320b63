/** What the guide shows for environments and probes does what it says. */
import { jwt } from '@fastify-mcp-auth/resource-server'
import { createTestIssuer, settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { buildApp } from '../app.ts'
import { explain, readOptions } from '../config.ts'

const good = { RESOURCE: 'https://api.example.com/mcp', ISSUER: 'https://login.example.com' }

async function failureOf(env: NodeJS.ProcessEnv): Promise<string | null> {
  try {
    const app = await buildApp(readOptions(env))
    await app.close()
    return 'none'
  } catch (error) {
    return explain(error)
  }
}

t.test('environment: a variable that is wrong stops the boot and is named', async t => {
  for (const [variable, value] of [
    ['RESOURCE', undefined],
    ['RESOURCE', 'http://api.example.com/mcp'],
    ['ISSUER', undefined],
    ['ISSUER', 'login.example.com'],
    ['JWKS_URI', 'file:///etc/passwd'],
    ['TOKEN_PROFILE', 'strict'],
    ['CLOCK_TOLERANCE', 'five'],
    ['CLOCK_TOLERANCE', '301'],
    ['ALLOWED_ORIGINS', 'https://ok.example, app.example.com']
  ] as const)
    t.match(await failureOf({ ...good, [variable]: value }), new RegExp(`^${variable}: `), `${variable}=${value}`)
  t.equal(await failureOf(good), 'none')
  t.equal(explain(new Error('something else')), null)
})

t.test('environment: what is set reaches the plugin, what is not has its default', async t => {
  const app = await buildApp(readOptions({ ...good, ALLOWED_ORIGINS: 'https://a.example, https://b.example' }))
  t.teardown(() => app.close())
  const status = async (origin: string): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/mcp', headers: { host: 'api.example.com', origin } })).statusCode
  t.equal(app.mcpAuth.resource, good.RESOURCE)
  t.strictSame(app.mcpAuth.metadata.authorization_servers, [good.ISSUER])
  t.equal(await status('https://evil.example'), 403)
})

t.test('probes: running is not ready, and nobody learns who is down', async t => {
  const clock = settableClock(1_800_000_000)
  const issuer = await createTestIssuer({ clock })
  const resource = 'http://127.0.0.1:3000/mcp'
  const app = await buildApp({ resource, verify: jwt({ issuer: issuer.issuer, fetch: issuer.fetch, clock }) })
  t.teardown(() => app.close())
  const authorization = `Bearer ${await issuer.mint({ resource })}`
  issuer.outage = true
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization } })).statusCode, 503)
  const down = await app.inject('/ready')
  t.equal(down.statusCode, 503)
  t.equal(down.headers['retry-after'], '5')
  t.match(down.json(), { ok: false, dependencies: [{ dependency: 'jwks', state: 'down', age: null }, {}] })
  t.notMatch(down.body, 'issuer.test')
  t.equal((await app.inject('/health')).statusCode, 200)
  issuer.outage = false
  clock.advance(30)
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization } })).statusCode, 403)
  t.equal((await app.inject('/ready')).statusCode, 200)
})
