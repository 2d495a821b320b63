import Fastify from 'fastify'
import { exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify } from 'jose'
import t from 'tap'
import resourceServer, { type ResourceServerOptions } from '../src/index.ts'
import { createApp, RESOURCE } from './app.ts'

const PLACE = '/.well-known/oauth-protected-resource/mcp'

async function boot(options: object): Promise<unknown> {
  const app = Fastify()
  const verify = { issuers: [], verify: () => Promise.reject(new Error('not asked here')) }
  try {
    await app.register(resourceServer, { resource: RESOURCE, verify, ...options } as ResourceServerOptions)
    return app.mcpAuth.metadata
  } finally {
    await app.close()
  }
}

t.test('RFC 9728 2, 2.1: every member that only the operator knows, also in other languages', async t => {
  const metadata = {
    jwks_uri: 'https://api.example.com/keys',
    resource_signing_alg_values_supported: ['ES256'],
    resource_documentation: 'https://docs.example.com',
    resource_policy_uri: 'https://example.com/policy',
    resource_tos_uri: 'https://example.com/terms',
    'resource_name#de': 'Notizen',
    'resource_policy_uri#de-CH': 'https://example.com/de/policy',
    authorization_details_types_supported: ['payment']
  }
  const { app, issuer } = await createApp(t, { options: { resourceName: 'Notes', metadata } })
  const document = (await app.inject(PLACE)).json()
  t.strictSame(document, {
    resource: RESOURCE,
    authorization_servers: [issuer.issuer],
    bearer_methods_supported: ['header'],
    resource_name: 'Notes',
    ...metadata
  })
})

t.test('PRM-2: issuers that the verifier does not know can be named', async t => {
  const authorization_servers = ['https://issuer.test', 'https://other.test']
  t.match(await boot({ metadata: { authorization_servers } }), { authorization_servers })
})

t.test('RFC 9728 2: what the plugin knows by itself, and what it does not know, stops the boot', async t => {
  const wrong: object[] = [
    { resource: 'https://evil.test' },
    { scopes_supported: ['a'] },
    { bearer_methods_supported: ['query'] },
    { signed_metadata: 'x.y.z' },
    { dpop_bound_access_tokens_required: true },
    { resource_documentatoin: 'https://docs.example.com' },
    { resource_documentation: 'javascript:alert(1)' },
    { 'resource_name#': 'Notes' },
    { 'jwks_uri#de': 'https://api.example.com/keys' },
    { authorization_servers: [] }
  ]
  for (const metadata of wrong)
    await t.rejects(boot({ metadata }), { code: 'FST_OAUTH_OPTION', message: /metadata/ }, JSON.stringify(metadata))
})

async function createKey(): Promise<{ key: JWK & { alg: string }; publicKey: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { key: { ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'm1' }, publicKey: await exportJWK(publicKey) }
}

t.test('RFC 9728 2.2: signed metadata says the same as the document, and who vouches for it', async t => {
  const { key, publicKey } = await createKey()
  for (const [issuer, vouching] of [
    [undefined, RESOURCE],
    ['https://trust.example.com', 'https://trust.example.com']
  ] as const) {
    const signMetadata = { key, ...(issuer === undefined ? {} : { issuer }) }
    const { app } = await createApp(t, { options: { signMetadata, metadata: { 'resource_name#de': 'Notizen' } } })
    const { signed_metadata, ...document } = (await app.inject(PLACE)).json()
    const { payload, protectedHeader } = await jwtVerify(signed_metadata, await importJWK(publicKey, 'ES256'))
    const { iss, iat, ...claims } = payload
    t.strictSame(claims, document, 'and the signature is not among the claims')
    t.equal(iss, vouching)
    t.type(iat, 'number')
    t.strictSame(protectedHeader, { alg: 'ES256', kid: 'm1' })
    t.notMatch((await app.inject(PLACE)).body, key.d ?? 'no key', 'the key stays inside')
  }
})

t.test('RFC 9728 2.2: a key that cannot sign stops the boot, and is not in the message', async t => {
  const { key, publicKey } = await createKey()
  for (const wrong of [
    { ...publicKey, alg: 'ES256' },
    { ...key, alg: 'RS256' },
    { kty: 'EC', alg: 'ES256' }
  ]) {
    const error = await boot({ signMetadata: { key: wrong } }).catch((caught: Error) => caught)
    t.match(error, { code: 'FST_OAUTH_OPTION', message: /signMetadata\.key/ })
    t.notMatch((error as Error).message, key.d ?? 'no key')
  }
  for (const alg of ['HS256', 'none', undefined])
    await t.rejects(boot({ signMetadata: { key: { ...key, alg } } }), { code: 'FST_OAUTH_OPTION' })
})
