/** Tokens in the shapes that well-known issuers give to them, and the options that the guide says for each. */
import { systemClock } from '@fastify-mcp-auth/core'
import { createTestIssuer, type TestIssuer } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { type JwtOptions, jwt, type ResourceServerOptions } from '../../src/index.ts'
import { createApp, RESOURCE } from '../app.ts'

interface Shape {
  readonly issuer: string
  readonly jwt?: Partial<JwtOptions>
  readonly options?: Partial<ResourceServerOptions>
  readonly header: object
  /** Undefined takes a claim away. */
  readonly claims: { readonly [name: string]: unknown }
  /** An ID token of the same issuer. */
  readonly idToken: { readonly header: object; readonly claims: { readonly [name: string]: unknown } }
}

const TENANT = '5b9d4c1e-1111-4222-8333-444455556666'
const API_ID = '0d5b1f5e-aaaa-4bbb-8ccc-ddddeeeeffff'
const none = { client_id: undefined, scope: undefined }

const SHAPES: Record<string, Shape> = {
  Keycloak: {
    issuer: 'https://keycloak.test/realms/acme',
    header: { typ: 'JWT' },
    claims: {
      ...none,
      azp: 'cli',
      aud: [RESOURCE, 'account'],
      typ: 'Bearer',
      scope: 'openid mcp:tools',
      sid: 's',
      acr: '1'
    },
    idToken: { header: { typ: 'JWT' }, claims: { ...none, aud: 'cli', azp: 'cli', typ: 'ID', at_hash: 'h' } }
  },
  'Auth0, with the profile of its own': {
    issuer: 'https://acme.eu.auth0.test/',
    jwt: { mapScopes: claims => claims['permissions'] as string[] },
    header: { typ: 'JWT' },
    claims: {
      ...none,
      jti: undefined,
      azp: 'cli',
      aud: [RESOURCE, 'https://acme.eu.auth0.test/userinfo'],
      scope: 'openid profile',
      permissions: ['mcp:tools'],
      gty: 'authorization_code'
    },
    idToken: { header: { typ: 'JWT' }, claims: { ...none, aud: 'cli', nonce: 'n', sid: 's' } }
  },
  'Auth0, with the profile of RFC 9068': {
    issuer: 'https://acme.eu.auth0.test/',
    jwt: { profile: 'rfc9068' },
    header: { typ: 'at+jwt' },
    claims: { client_id: 'cli', aud: [RESOURCE, 'https://acme.eu.auth0.test/userinfo'], scope: 'openid mcp:tools' },
    idToken: { header: { typ: 'JWT' }, claims: { ...none, aud: 'cli', nonce: 'n' } }
  },
  'Entra v1': {
    issuer: `https://sts.windows.test/${TENANT}/`,
    header: { typ: 'JWT' },
    claims: {
      ...none,
      jti: undefined,
      aud: RESOURCE,
      appid: 'cli',
      scp: 'mcp:tools',
      ver: '1.0',
      tid: TENANT,
      uti: 'u'
    },
    idToken: {
      header: { typ: 'JWT' },
      claims: { ...none, jti: undefined, aud: 'cli', nonce: 'n', ver: '1.0', tid: TENANT }
    }
  },
  'Entra v2': {
    issuer: `https://login.microsoftonline.test/${TENANT}/v2.0`,
    options: { audienceAliases: [API_ID] },
    header: { typ: 'JWT' },
    claims: { ...none, jti: undefined, aud: API_ID, azp: 'cli', scp: 'mcp:tools', ver: '2.0', tid: TENANT, uti: 'u' },
    idToken: {
      header: { typ: 'JWT' },
      claims: { ...none, jti: undefined, aud: 'cli', nonce: 'n', ver: '2.0', tid: TENANT }
    }
  },
  Okta: {
    issuer: 'https://acme.okta.test/oauth2/default',
    header: { typ: undefined },
    claims: { ...none, aud: RESOURCE, cid: 'cli', scp: ['openid', 'mcp:tools'], ver: 1, uid: 'u' },
    idToken: { header: { typ: undefined }, claims: { ...none, aud: 'cli', at_hash: 'h', amr: ['pwd'], idp: 'i' } }
  }
}

async function setUp(t: Test, shape: Shape): Promise<{ issuer: TestIssuer; ask: (token: string) => Promise<unknown> }> {
  const issuer = await createTestIssuer({ issuer: shape.issuer })
  const verify = jwt({ issuer: shape.issuer, profile: 'lenient', fetch: issuer.fetch, ...shape.jwt })
  const { app } = await createApp(t, { options: { clock: systemClock, verify, ...shape.options } })
  return {
    issuer,
    async ask(token) {
      const response = await app.inject({ url: '/mcp', headers: { authorization: `Bearer ${token}` } })
      return response.statusCode === 200 ? response.json() : response.statusCode
    }
  }
}

for (const [name, shape] of Object.entries(SHAPES))
  t.test(
    `RS-5: ${name}: ID tokens and tokens for another API are refused, access tokens for this one are taken`,
    async t => {
      const { issuer, ask } = await setUp(t, shape)
      const mint = (header: object, claims: object): Promise<string> =>
        issuer.mint({ resource: RESOURCE, algorithm: 'RS256', header: { ...header }, claims: { ...claims } })
      t.equal(await ask(await mint(shape.idToken.header, shape.idToken.claims)), 401, 'an ID token')
      for (const aud of ['account', `${API_ID}x`, 'api://other', [`${RESOURCE}x`], 'cli'])
        t.equal(await ask(await mint(shape.header, { ...shape.claims, aud })), 401, `for ${aud}`)
      t.equal(
        await ask(await mint(shape.header, { ...shape.claims, scope: undefined, scp: undefined, permissions: [] })),
        403
      )
      t.strictSame(await ask(await mint(shape.header, shape.claims)), { subject: 'alice' })
    }
  )

t.test('RS-6: without its alias the token of an API with another name is refused', async t => {
  const shape = SHAPES['Entra v2'] as Shape
  const { issuer, ask } = await setUp(t, { ...shape, options: {} })
  t.equal(await ask(await issuer.mint({ resource: API_ID, header: { ...shape.header }, claims: shape.claims })), 401)
})

t.test('audienceAliases: nothing that could stand for anything', async t => {
  for (const alias of ['', '*', 'https://*.example.com', 'a b'])
    await t.rejects(createApp(t, { options: { audienceAliases: [alias] } }), { message: /audienceAliases/ }, alias)
})
