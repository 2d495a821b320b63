import { UnavailableError } from '@fastify-mcp-auth/core'
import t from 'tap'
import type { McpAuthEvent, Verifier, VerifierEvent } from '../src/index.ts'
import { createApp, RESOURCE } from './app.ts'

t.test('onEvent: told of everything from the boot on, once', async t => {
  const events: McpAuthEvent[] = []
  const { app, bearer } = await createApp(t, { options: { onEvent: event => events.push(event) } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const good = await bearer({ scopes: ['mcp:tools'] })
  for (const headers of [{}, { authorization: 'Bearer x' }, good, await bearer({ scopes: [] })])
    await app.inject({ url: '/mcp', headers })
  t.strictSame(
    events.map(({ type }) => type),
    ['jwks.refreshed', 'token.missing', 'token.rejected', 'token.accepted', 'token.accepted', 'scope.denied']
  )
  t.ok(events.every(event => event.resource === RESOURCE && Object.isFrozen(event)))
  t.notMatch(JSON.stringify(events), good.authorization.split('.')[2])
})

t.test('a sink and listeners that fail at once or later decide nothing, and do not end the process', async t => {
  const lines: string[] = []
  const { app, bearer } = await createApp(t, {
    fastify: { logger: { level: 'error', stream: { write: (line: string) => void lines.push(line) } } },
    options: {
      onEvent: async () => {
        throw new Error('sink')
      }
    }
  })
  app.mcpAuth.on('token.accepted', () => Promise.reject(new Error('later')))
  app.mcpAuth.on('token.accepted', () => {
    throw new Error('at once')
  })
  let heard = 0
  app.mcpAuth.on('token.accepted', () => heard++)
  const response = await app.inject({ url: '/mcp', headers: await bearer({ scopes: ['mcp:tools'] }) })
  t.equal(response.statusCode, 200)
  t.equal(heard, 1)
  const failures = lines.map(line => JSON.parse(line).err.message)
  t.strictSame(failures.toSorted(), ['at once', 'later', 'sink', 'sink'])
})

t.test('what is wrong with an issuer is in the log, with its cause', async t => {
  const lines: string[] = []
  let tell: (event: VerifierEvent) => void = () => undefined
  const verify: Verifier = {
    issuers: ['https://issuer.test'],
    verify: () => Promise.reject(new UnavailableError('down')),
    observe: listener => {
      tell = listener
    }
  }
  await createApp(t, {
    fastify: { logger: { level: 'warn', stream: { write: (line: string) => void lines.push(line) } } },
    options: { verify }
  })
  const cause = new Error('connect ECONNREFUSED')
  tell({ type: 'jwks.failed', issuer: 'https://issuer.test', error: new UnavailableError('no keys', { cause }) })
  t.match(JSON.parse(lines[0] ?? '{}'), {
    level: 40,
    event: { type: 'jwks.failed', issuer: 'https://issuer.test' },
    err: { message: /no keys.*ECONNREFUSED/s }
  })
})
