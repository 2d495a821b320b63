/** The plugin beside the host: its routes, what it leaves alone, and what stops the boot. */
import Fastify from 'fastify'
import t from 'tap'
import mcpConnections from '../src/index.ts'
import { BASE, buildWorld, PREFIX, personOf } from './app.ts'

t.test(
  'CD-1: the metadata document and the keys are there for everybody, small, cacheable, without redirect',
  async t => {
    const { app } = await buildWorld(t)
    const document = await app.inject(`${PREFIX}/client.json`)
    t.equal(document.statusCode, 200)
    t.match(document.headers['content-type'], /^application\/json/)
    t.match(document.headers['cache-control'], /public, max-age=\d+/)
    t.match(document.json(), {
      client_id: `${BASE}${PREFIX}/client.json`,
      redirect_uris: [`${BASE}${PREFIX}/callback`]
    })
    const jwks = await app.inject(`${PREFIX}/jwks.json`)
    t.equal(jwks.statusCode, 200)
    t.notMatch(jwks.body, '"d":')
  }
)

t.test('the host keeps its parsers, error handler and headers', async t => {
  const { app } = await buildWorld(t)
  app.post('/own', async request => ({ body: request.body }))
  app.get('/broken', async () => {
    throw new Error('broken')
  })
  const form = await app.inject({
    method: 'POST',
    url: '/own',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=1'
  })
  t.equal(form.statusCode, 415)
  const broken = await app.inject('/broken')
  t.match(broken.json(), { error: 'Internal Server Error' })
  t.equal(broken.headers['referrer-policy'], undefined)
  t.equal((await app.inject('/nowhere')).json().error, 'Not Found')
})

t.test('feature 6: without pages everybody is given JSON', async t => {
  const { app } = await buildWorld(t, { ui: false })
  const list = await personOf(app, 'alice').get('')
  t.match(list.headers['content-type'], /^application\/json/)
  t.match(list.json(), { connections: [{ server: String, status: String }] })
})

t.test('an option that is wrong stops the boot and is named', async t => {
  const good = { baseUrl: BASE, client: { name: 'Acme' }, owner: () => null }
  for (const [name, options] of Object.entries({
    owner: { ...good, owner: 'alice' },
    'background.every': { ...good, background: { every: 1 } },
    'ui.brand.accent': { ...good, ui: { brand: { accent: 'red' } } },
    'ui.templates': { ...good, ui: { templates: '/nowhere' } },
    redirectMode: { ...good, redirectMode: 'popup' },
    baseUrl: { ...good, baseUrl: 'https://app.example.com/path' },
    unknown: { ...good, unknown: 1 }
  })) {
    const app = Fastify()
    t.teardown(() => app.close())
    await t.rejects(
      async () => app.register(mcpConnections, options as never),
      { code: 'FST_OAUTH_OPTION', message: new RegExp(name.split('.').pop() ?? '') },
      name
    )
  }
})
