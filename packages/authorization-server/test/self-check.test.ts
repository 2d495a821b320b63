/** What stops the boot, and what the message says. */
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import authorizationServer, { type AuthorizationServerOptions } from '../src/index.ts'
import { ORIGIN, RESOURCES } from './fixture.ts'

interface Wiring {
  options?: Partial<AuthorizationServerOptions>
  /** Leaves the option `interactionUrl` out. */
  noPage?: boolean
  fastify?: FastifyServerOptions
  after?: (app: FastifyInstance) => unknown
}

/** Boots it. @returns the message that stopped it, or `ready` */
async function bootOf(t: Test, { options = {}, noPage = false, fastify = {}, after }: Wiring): Promise<string> {
  const app = Fastify(fastify)
  t.teardown(() => app.close())
  try {
    await app.register(authorizationServer, {
      issuer: ORIGIN,
      storage: memoryStorage(),
      users: {
        current: () => null,
        loginUrl: () => '/login',
        subject: String,
        find: () => null,
        displayName: String
      },
      resources: RESOURCES,
      ...(noPage ? {} : { interactionUrl: (handle: string) => `/consent/${handle}` }),
      ...options
    })
    await after?.(app)
    await app.ready()
    return 'ready'
  } catch (error) {
    t.match(error, { name: 'ConfigurationError', code: /^FST_OAUTH_/ })
    return error instanceof Error ? error.message : String(error)
  }
}

const HTTPS = {
  issuer: 'https://auth.example',
  resources: { 'https://auth.example/mcp': { name: 'N', scopes: { a: 'A' } } }
}

t.test('withings 37, openwork 4197: limits that would count everybody as the proxy', async t => {
  t.match(await bootOf(t, { options: HTTPS }), /option "rateLimit".*"trustProxy"/)
  for (const trustProxy of [true, 'loopback', ['10.0.0.0/8'], () => true])
    t.equal(await bootOf(t, { options: HTTPS, fastify: { trustProxy } }), 'ready')
  t.equal(await bootOf(t, { options: { ...HTTPS, rateLimit: false } }), 'ready', 'something in front limits')
  t.equal(await bootOf(t, {}), 'ready', 'there is no proxy on one computer')
  const https = { https: {} } as unknown as FastifyServerOptions
  t.equal(await bootOf(t, { options: HTTPS, fastify: https }), 'ready', 'the app ends TLS itself')
})

t.test('34, __Host-: a consent page where its cookie does not come', async t => {
  const page = (interactionUrl: (handle: string) => string) => bootOf(t, { options: { interactionUrl } })
  t.match(
    await page(handle => `https://pages.example/${handle}`),
    /option "interactionUrl" must lead to a page of http:\/\/127/
  )
  t.match(await page(handle => `http://127.0.0.1:3001/${handle}`), /option "interactionUrl"/)
  t.match(await page(handle => `//pages.example/${handle}`), /option "interactionUrl"/)
  t.match(await page(() => '/consent'), /option "interactionUrl" must have the handle/)
  t.equal(await page(handle => `/consent?handle=${handle}`), 'ready')
  t.equal(await page(handle => `${ORIGIN}/consent/${handle}`), 'ready')
})

t.test('everruns 2918: nobody serves the consent page', async t => {
  t.match(await bootOf(t, { noPage: true }), /register @fastify-mcp-auth\/consent or give the option "interactionUrl"/)
  const served = (method: 'GET' | 'POST', url: string) =>
    bootOf(t, { noPage: true, after: app => app.route({ method, url, handler: async () => '' }) })
  t.match(await served('GET', '/oauth/interaction/other/:handle'), /consent/)
  t.equal(await served('GET', '/oauth/interaction/:handle'), 'ready')
  const deep = bootOf(t, {
    noPage: true,
    after: app =>
      app.register(
        async scope => {
          scope.get('/:handle', { constraints: { host: 'a.example' } }, async () => '')
        },
        { prefix: '/oauth/interaction' }
      )
  })
  t.equal(await deep, 'ready', 'in whatever scope, for whatever host')
})

/** A resource server as far as others can see it. */
const protectedResource = (resource: string, ...issuers: string[]) =>
  fp(async (app: FastifyInstance) => {
    app.decorate('mcpAuth' as never, { metadata: { resource, authorization_servers: issuers } } as never)
  })

t.test(
  'python-sdk 1919, opencode 50036: a resource server beside it that names the issuer almost as it is',
  async t => {
    const beside = (resource: string, ...issuers: string[]) =>
      bootOf(t, { after: app => app.register(protectedResource(resource, ...issuers)) })
    const slash = await beside(`${ORIGIN}/mcp`, `${ORIGIN}/`)
    t.match(slash, /option "issuer" is http:\/\/127.0.0.1:3000, but .* names http:\/\/127.0.0.1:3000\/:/)
    t.match(await beside(`${ORIGIN}/mcp`, 'HTTP://127.0.0.1:3000'), /option "issuer"/)
    t.equal(await beside(`${ORIGIN}/mcp`, ORIGIN), 'ready')
    t.equal(await beside(`${ORIGIN}/mcp`, 'https://elsewhere.example'), 'ready', 'not ours to judge')
  }
)

t.test('objectstack 16530: a resource server beside it for which no token can be asked', async t => {
  const resource = `${ORIGIN}/other`
  t.match(
    await bootOf(t, { after: app => app.register(protectedResource(resource, ORIGIN)) }),
    /option "resources" lacks http:\/\/127.0.0.1:3000\/other/
  )
  t.match(
    await bootOf(t, {
      after: app => app.register(async scope => void (await scope.register(protectedResource(resource, ORIGIN))))
    }),
    /option "resources" lacks/,
    'in a scope of its own too'
  )
  t.equal(await bootOf(t, { after: app => app.register(protectedResource(resource, 'https://x.example')) }), 'ready')
})
