/** The grant itself: there only with its option, told in the metadata, and both meanings in one server. */
import { digest } from '@fastify-mcp-auth/core'
import { createTestIssuer, matchesOAuthError } from '@fastify-mcp-auth/testing'
import t from 'tap'
import type { AuthorizationServerOptions } from '../../src/index.ts'
import { createSigner } from '../clients/signer.ts'
import { buildServer, ORIGIN, RESOURCE } from '../fixture.ts'
import { build, IDP, JWT_BEARER, PLATFORM, SECRET } from './asserting.ts'

const METADATA = '/.well-known/oauth-authorization-server'
const PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'

t.test('EM-12, WI-3: the metadata says what there is, and nothing that there is not', async t => {
  const both = await build(t)
  const told = (await both.app.inject(METADATA)).json()
  t.ok(told.grant_types_supported.includes(JWT_BEARER))
  t.strictSame(told.authorization_grant_profiles_supported, [PROFILE])
  const { jwtBearer } = await optionsOf()
  const workloads = await build(t, { options: { jwtBearer: { workloadIssuers: jwtBearer.workloadIssuers } } })
  const less = (await workloads.app.inject(METADATA)).json()
  t.ok(less.grant_types_supported.includes(JWT_BEARER))
  t.notOk('authorization_grant_profiles_supported' in less)
  const none = await buildServer(t)
  const least = (await none.app.inject(METADATA)).json()
  t.notOk(least.grant_types_supported.includes(JWT_BEARER))
  t.notOk('authorization_grant_profiles_supported' in least)
})

t.test('RFC 7523 2.1: without the option there is no such grant, with or without a client', async t => {
  const clients = [
    {
      client_id: 'agent',
      client_name: 'Agent',
      client_secret_digest: digest(SECRET),
      redirect_uris: ['https://a.example/cb']
    }
  ]
  const server = await build(t, { options: { jwtBearer: undefined, clients } as never })
  matchesOAuthError(t, await server.ask(await server.idJag()), 'unsupported_grant_type')
  matchesOAuthError(t, await server.alone(await server.workload()), 'invalid_client')
})

t.test(
  'WI-6: where one issuer speaks for people and for workloads, the type of the assertion says for which',
  async t => {
    const { jwtBearer } = await optionsOf()
    const [provider] = jwtBearer.identityProviders ?? []
    const [platform] = jwtBearer.workloadIssuers ?? []
    if (!provider || !platform) throw new Error('no issuers')
    const server = await build(t, {
      options: { jwtBearer: { identityProviders: [provider], workloadIssuers: [{ ...platform, issuer: IDP }] } }
    })
    const claims = { cluster: 'one', resource: RESOURCE }
    const subject = 'emp-alice'
    const mint = (typ: string) =>
      server.idp.mint({ subject, resource: ORIGIN, clientId: 'agent', claims, header: { typ } })
    t.equal((await server.ask(await mint('oauth-id-jag+jwt'))).statusCode, 200)
    matchesOAuthError(t, await server.alone(await mint('JWT')), 'invalid_grant')
    const sub = platform.workloads[0]?.claims['sub'] ?? ''
    const workload = await server.idp.mint({ subject: sub, resource: ORIGIN, claims, header: { typ: 'JWT' } })
    t.equal((await server.alone(workload)).statusCode, 200)
    const posing = await server.idp.mint({
      subject: sub,
      resource: ORIGIN,
      clientId: 'agent',
      claims,
      header: { typ: 'oauth-id-jag+jwt' }
    })
    matchesOAuthError(t, await server.ask(posing), 'invalid_grant')
  }
)

t.test('EM-13, RFC 7591: clients register the grant where there is one, and only then', async t => {
  const register = async (server: Awaited<ReturnType<typeof buildServer>>, grant_types: string[]) =>
    server.app.inject({ method: 'POST', url: '/oauth/register', payload: { client_name: 'X', grant_types } })
  const server = await build(t)
  const response = await register(server, [JWT_BEARER])
  t.equal(response.statusCode, 201)
  t.strictSame(response.json().grant_types, [JWT_BEARER])
  const { client_id, client_secret } = response.json()
  t.equal((await server.ask(await server.idJag({ clientId: client_id }), { client_id, client_secret })).statusCode, 200)
  matchesOAuthError(t, await register(await buildServer(t), [JWT_BEARER]), 'invalid_client_metadata')
})

async function optionsOf() {
  const access = { [RESOURCE]: ['notes:read'] }
  const jwtBearer = {
    identityProviders: [
      { issuer: IDP, user: ({ sub }: { sub: string }) => (sub.startsWith('emp-') ? { user: sub.slice(4) } : null) }
    ],
    workloadIssuers: [
      {
        issuer: PLATFORM,
        workloads: [
          {
            client_id: 'nightly',
            client_name: 'N',
            claims: { sub: 'w' } as Record<string, string>,
            client_credentials: access
          }
        ]
      }
    ]
  } satisfies AuthorizationServerOptions['jwtBearer']
  return { jwtBearer }
}

t.test('a wrong option stops the boot and is named', async t => {
  const { jwtBearer } = await optionsOf()
  const [provider] = jwtBearer.identityProviders
  const [platform] = jwtBearer.workloadIssuers
  const [workload] = platform?.workloads ?? []
  const signer = await createSigner(
    () => 'x',
    () => 0
  )
  const idp = (change: object) => ({ identityProviders: [{ ...provider, ...change }] })
  const job = (change: object) => ({ workloadIssuers: [{ ...platform, workloads: [{ ...workload, ...change }] }] })
  for (const [what, given, message] of [
    ['nobody', {}, /"jwtBearer" trusts nobody/],
    ['an issuer that is no URL', idp({ issuer: 'idp' }), /jwtBearer.identityProviders.issuer/],
    ['an issuer over http', idp({ issuer: 'http://idp.example' }), /jwtBearer.identityProviders.issuer/],
    ['this very server', idp({ issuer: ORIGIN }), /names this very server/],
    ['one issuer twice', { identityProviders: [provider, provider] }, /same issuer twice/],
    ['a provider without the function', idp({ user: undefined }), /jwtBearer.identityProviders/],
    ['an option that does not exist', idp({ users: 1 }), /jwtBearer.identityProviders/],
    ['keys twice', idp({ jwks: { keys: [signer.jwk] }, jwksUri: 'https://x.example' }), /both jwksUri and jwks/],
    ['private keys', idp({ jwks: { keys: [signer.privateJwk] } }), /needs public keys/],
    ['no keys', idp({ jwks: { keys: [] } }), /needs public keys/],
    ['no workloads', { workloadIssuers: [{ ...platform, workloads: [] }] }, /jwtBearer.workloadIssuers/],
    ['a workload of any claims', job({ claims: {} }), /says no claim of "nightly"/],
    ['a workload without access', job({ client_credentials: {} }), /to nothing/],
    ['an unknown scope', job({ client_credentials: { [RESOURCE]: ['openid'] } }), /unknown scope/],
    ['an unknown resource', job({ client_credentials: { 'https://x.example': ['y'] } }), /unknown resource/],
    ['the name of a client', job({ client_id: 'agent' }), /"agent" twice, or a client has that name/],
    ['the name of a document', job({ client_id: 'https://x.example/app' }), /name of a metadata document/],
    ['one name twice', { workloadIssuers: [{ ...platform, workloads: [workload, workload] }] }, /"nightly" twice/]
  ] as const)
    await t.rejects(
      build(t, { options: { jwtBearer: given as never } }),
      { code: 'FST_OAUTH_OPTION', message },
      `jwtBearer with ${what}`
    )
  const client = { client_id: 'a', client_name: 'A', client_secret_digest: digest(SECRET), grant_types: [JWT_BEARER] }
  await t.rejects(buildServer(t, { options: { clients: [client] } }), { message: /there is no option "jwtBearer"/ })
})

t.test('keys may stand in the options, and then nothing is fetched', async t => {
  const { jwtBearer } = await optionsOf()
  const [provider] = jwtBearer.identityProviders
  if (!provider) throw new Error('no provider')
  const probe = await build(t)
  const server = await build(t, {
    idp: probe.idp,
    options: {
      jwtBearer: { identityProviders: [{ ...provider, jwks: (await probe.idp.jwks()) as never }] },
      fetch: async () => {
        throw new Error('nothing may be fetched')
      }
    }
  })
  t.equal((await server.ask(await server.idJag())).statusCode, 200)
})

t.test('the keys may be at a place of their own', async t => {
  const { jwtBearer } = await optionsOf()
  const [provider] = jwtBearer.identityProviders
  if (!provider) throw new Error('no provider')
  const asked: string[] = []
  const probe = await build(t)
  const server = await build(t, {
    idp: probe.idp,
    options: {
      jwtBearer: { identityProviders: [{ ...provider, jwksUri: 'https://keys.example/jwks.json' }] },
      fetch: async url => {
        asked.push(url)
        return probe.idp.fetch(url)
      }
    }
  })
  t.equal((await server.ask(await server.idJag())).statusCode, 200)
  t.strictSame(asked, ['https://keys.example/jwks.json'])
})

t.test('an issuer in the network of the operator is asked: they chose it, not a stranger', async t => {
  const idp = await createTestIssuer({ clock: { now: () => server.clock.now() } })
  const keys = await idp.listen()
  t.teardown(() => keys.close())
  const user = ({ sub }: { sub: string }) => ({ user: sub })
  const server: Awaited<ReturnType<typeof build>> = await build(t, {
    idp,
    options: { jwtBearer: { identityProviders: [{ issuer: idp.issuer, user }] }, fetch: undefined } as never
  })
  t.equal((await server.ask(await server.idJag({ subject: 'alice' }))).statusCode, 200)
  t.ok([...keys.requests.values()].length > 0, 'on a loopback address, which no client may name')
})

t.test('an issuer whose metadata names no keys is in disorder, which is an outage', async t => {
  const probe = await build(t)
  const { jwks_uri: _, ...metadata } = probe.idp.metadata()
  const server = await build(t, {
    idp: probe.idp,
    options: {
      fetch: async () => ({
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(metadata))
      })
    }
  })
  t.equal((await server.ask(await server.idJag())).statusCode, 503)
  t.ok(server.log.some(line => line.includes('names no jwks_uri')))
})
