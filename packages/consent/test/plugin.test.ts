import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyCookie from '@fastify/cookie'
import fastifyHelmet from '@fastify/helmet'
import fastifyView from '@fastify/view'
import { Eta } from 'eta'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import consent from '../src/index.ts'
import { buildApp, fakeServer, openPage } from './fake-server.ts'

const handle = '/oauth/interaction/handle-1'
const OURS = readFileSync(new URL('../src/templates/consent.eta', import.meta.url), 'utf8')

t.test('without an authorization server the boot stops and says what to register', async t => {
  await t.rejects(async () => void (await Fastify().register(consent)), {
    code: 'FST_OAUTH_MISSING_PLUGIN',
    message: /register @fastify-mcp-auth\/authorization-server before it/
  })
})

t.test('the routes are under the prefix of the authorization server', async t => {
  const app = Fastify()
  app.decorate('authorizationServer', fakeServer(undefined, '/api/auth').decorator)
  await app.register(async scope => void (await scope.register(consent)), { prefix: '/api' })
  t.equal((await app.inject('/api/auth/interaction/handle-1')).statusCode, 200)
  t.equal((await app.inject(handle)).statusCode, 404)

  const elsewhere = Fastify()
  elsewhere.decorate('authorizationServer', fakeServer().decorator)
  const register = async (): Promise<void> =>
    void (await elsewhere.register(async scope => void (await scope.register(consent)), { prefix: '/api' }))
  await t.rejects(register, { code: 'FST_OAUTH_MISSING_PLUGIN', message: /registered under "\/api"/ })
})

t.test('the style sheet comes from this origin, may be kept for ever, and cannot be taken for a handle', async t => {
  const fake = fakeServer()
  const app = await buildApp({ fake })
  const { body } = await app.inject(handle)
  const [, url = ''] = /<link rel="stylesheet" href="([^"]+)">/.exec(body) ?? []
  const asked = fake.asked.length
  const { statusCode, headers } = await app.inject(url)
  t.equal(statusCode, 200)
  t.equal(headers['content-type'], 'text/css; charset=utf-8')
  t.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
  t.equal(fake.asked.length, asked, 'nobody was asked for a handle')
  t.equal((await app.inject('/oauth/interaction/assets/other.css')).statusCode, 404)
})

t.test('the view, the cookies and the headers of the host stay as they are', async t => {
  const templates = t.testdir({ 'consent.eta': 'the host says <%= it.word %>', 'layout.eta': 'host layout' })
  const app = await buildApp({
    before: async app => {
      await app.register(fastifyHelmet)
      await app.register(fastifyCookie)
      await app.register(fastifyView, { engine: { eta: new Eta() }, root: templates, production: true })
      app.get('/host', async (_request, reply) => reply.setCookie('a', 'b').view('consent', { word: 'hello' }))
    }
  })
  const host = await app.inject('/host')
  const ours = await app.inject(handle)
  const again = await app.inject('/host')
  t.equal(host.body, 'the host says hello')
  t.equal(again.body, host.body)
  t.match(host.headers['content-security-policy'], "script-src 'self'", 'its policy')
  t.equal(host.headers['cross-origin-opener-policy'], 'same-origin')
  t.match(ours.body, 'wants to use')
  t.match(ours.headers['content-security-policy'], /^default-src 'none'; (?!.*script-src)/, 'our policy, whole')
  t.equal(ours.headers['x-frame-options'], 'DENY')
  t.equal(ours.headers['cross-origin-opener-policy'], 'unsafe-none')
})

t.test('a host with another extension for its templates, and the same names', async t => {
  const root = t.testdir({ 'consent.html': 'host', 'layout.html': 'host', 'sentence.html': 'host' })
  const app = await buildApp({
    before: async app => {
      await app.register(fastifyView, { engine: { eta: new Eta() }, root, viewExt: 'html', production: true })
      app.get('/host/:page', async (request, reply) => reply.view((request.params as { page: string }).page))
    }
  })
  for (const _round of [1, 2]) {
    for (const page of ['consent', 'layout', 'sentence']) t.equal((await app.inject(`/host/${page}`)).body, 'host')
    t.match((await app.inject(handle)).body, 'wants to use')
  }
})

t.test('a view that the host registers afterwards does no harm either', async t => {
  const app = await buildApp()
  await app.register(fastifyView, { engine: { eta: new Eta() }, root: t.testdir({ 'a.eta': 'host' }) })
  app.get('/host', async (_request, reply) => reply.view('a'))
  t.equal((await app.inject('/host')).body, 'host')
  t.match((await app.inject(handle)).body, 'wants to use')
})

t.test('templates: a file replaces ours of the same name, the others stay', async t => {
  const templates = t.testdir({
    'consent.eta': OURS.replace(
      '<div class="card">',
      '<div class="card"><%~ include("./parts/extra", { x: "<", it }) %>'
    ),
    parts: { 'extra.eta': '<em><%= it.x %></em><%~ include("/sentence", { parts: it.it.heading }) %>' },
    'theme.css': 'body{color:red}'
  })
  const { html } = await openPage({ options: { templates } })
  t.match(html, '<title>')
  t.match(html, '<div class="card"><em>&lt;</em><bdi>Claude</bdi> wants to use')
  const app = await buildApp({ options: { templates, brand: { accent: '#f00' } } })
  const [url = ''] = /\/oauth\/interaction\/assets\/[\w-]+\.css/.exec((await app.inject(handle)).body) ?? []
  t.match((await app.inject(url)).body, /\nbody\{color:red\}\n:root\{--accent:#f00;/)
})

t.test('templates: what cannot work stops the boot', async t => {
  const stops = (t: Test, templates: string, message: RegExp): Promise<unknown> =>
    t.rejects(buildApp({ options: { templates } }), { code: 'FST_OAUTH_OPTION', message })
  await stops(t, join(t.testdirName, 'nowhere'), /"templates" is not a folder/)
  const folder = t.testdir({ 'file.eta': '' })
  await stops(t, join(folder, 'file.eta'), /is not a folder/)
  mkdirSync(join(folder, 'broken'))
  writeFileSync(join(folder, 'broken', 'error.eta'), '<% if ( { %>')
  await stops(t, join(folder, 'broken'), /does not compile: .*error\.eta/)
})

t.test('templates: a name cannot lead out of the folders', async t => {
  const templates = t.testdir({ 'consent.eta': '<%~ include("../../package") %>' })
  await t.rejects(buildApp({ options: { templates } }), { message: /there is no template "package\.eta"/ })
})

t.test('brand: name and logo are shown, and only that image may load', async t => {
  const { html, headers } = await openPage({
    options: { brand: { name: 'Acme <GmbH>', logoUrl: '/logo,1;a.svg?v=2' } }
  })
  t.match(html, '<bdi class="brand-name">Acme &lt;GmbH&gt;</bdi>')
  t.match(html, '<img class="logo" src="/logo,1;a.svg?v=2" alt="">')
  t.match(headers['content-security-policy'], '; img-src https://notes.example/logo%2C1%3Ba.svg; ')
  const plain = await openPage()
  t.match(plain.html, '<span class="mark" aria-hidden="true">A</span><bdi class="brand-name">Acme Notes</bdi>')
})

t.test('brand: what is not a name, a logo or a colour stops the boot', async t => {
  const wrong: [object, string][] = [
    [{ brand: { accent: 'red' } }, 'brand.accent'],
    [{ brand: { accent: '#12345' } }, 'brand.accent'],
    [{ brand: { accent: '#fff;}' } }, 'brand.accent'],
    [{ brand: { logoUrl: '//cdn.example/logo.png' } }, 'brand.logoUrl'],
    [{ brand: { logoUrl: '/\\cdn.example/logo.png' } }, 'brand.logoUrl'],
    [{ brand: { logoUrl: 'http://cdn.example/logo.png' } }, 'brand.logoUrl'],
    [{ brand: { logoUrl: 'data:image/png;base64,AA' } }, 'brand.logoUrl'],
    [{ brand: { name: '' } }, 'brand.name'],
    [{ brand: { colour: '#fff' } }, 'brand.colour'],
    [{ template: 'x' }, 'template']
  ]
  for (const [options, name] of wrong)
    await t.rejects(buildApp({ options }), {
      code: 'FST_OAUTH_OPTION',
      message: new RegExp(`"${name.replace('.', '\\.')}"`)
    })
})

t.test('brand: an accent that cannot be seen is told at boot', async t => {
  const warnings = async (accent: string): Promise<unknown[]> => {
    const lines: string[] = []
    const stream = { write: (line: string): unknown => lines.push(line) }
    await (await buildApp({ options: { brand: { accent } }, fastify: { logger: { level: 'warn', stream } } })).close()
    return lines.map(line => JSON.parse(line).scheme)
  }
  t.strictSame(await warnings('#ffe600'), ['light'])
  t.strictSame(await warnings('#1f5eff'), [])
})
