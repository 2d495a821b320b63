import { execFileSync } from 'node:child_process'
import t from 'tap'

// What every start of every server would pay for. Told by a process of its own, after it has set the plugin up and made a request.
const PROGRAM = `
  import { createRequire } from 'node:module'
  import fastify from 'fastify'
  import resourceServer, { hmac } from '@fastify-mcp-auth/resource-server'
  const app = fastify()
  const secret = (await import('node:crypto')).randomBytes(32)
  await app.register(resourceServer, { resource: 'http://127.0.0.1/mcp', verify: hmac({ issuer: 'https://as.example', secret }) })
  app.get('/mcp', { config: { mcpAuth: { scopes: ['a'] } } }, async () => '')
  const { statusCode } = await app.inject({ url: '/mcp', headers: { host: '127.0.0.1' } })
  const builtIn = process.moduleLoadList.filter(name => name.includes('undici'))
  const installed = Object.keys(createRequire(import.meta.url).cache).filter(file => /node_modules.undici/.test(file))
  console.log(JSON.stringify({ statusCode, builtIn, installed }))
`

t.test('a server that fetches nothing loads no client for it: neither undici nor the one in Node', async t => {
  const output = execFileSync(
    process.execPath,
    ['--conditions=@fastify-mcp-auth/source', '--input-type=module', '--eval', PROGRAM],
    { cwd: import.meta.dirname, encoding: 'utf8' }
  )
  t.strictSame(JSON.parse(output), { statusCode: 401, builtIn: [], installed: [] })
})
