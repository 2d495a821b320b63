import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { withAuth } from '../src/index.ts'
import { createApp } from './app.ts'

/** Counts how often a stranger got through to it. */
function declare(app: FastifyInstance): () => number {
  let calls = 0
  const handler = withAuth(async request => ({ calls: ++calls, subject: request.auth.subject }))
  app.get('/open', handler)
  app.get('/half', { config: { mcpAuth: { optional: true } } }, handler)
  app.get('/plain', async request => ({ isNull: request.auth === null }))
  return () => calls
}

t.test('withAuth: no stranger gets in by a route of a scope that was opened before the plugin', async t => {
  let calls = (): number => -1
  const { app, bearer } = await createApp(t, {
    before: async app => {
      await app.register(async scope => {
        calls = declare(scope)
      })
    },
    routes: () => undefined
  })
  for (const url of ['/open', '/half']) {
    const stranger = await app.inject(url)
    t.equal(stranger.statusCode, 401, url)
    t.match(stranger.headers['www-authenticate'], /^Bearer .*resource_metadata=/)
  }
  t.equal(calls(), 0)
  t.strictSame((await app.inject('/plain')).json(), { isNull: true }, 'nor by asking whether there is no caller')
  for (const url of ['/open', '/half'])
    t.equal((await app.inject({ url, headers: await bearer() })).json().subject, 'alice', url)
})

t.test('withAuth: nobody gets in where no resource server is registered', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  let calls = 0
  app.get(
    '/x',
    withAuth(async () => ++calls)
  )
  t.equal((await app.inject('/x')).statusCode, 500)
  t.equal(calls, 0)
})
