import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import t from 'tap'
import { alice, BINDING, createWorld } from './world.ts'

t.test(
  'item 4: a client that was registered with a key of the operator proves itself by it, also when it refreshes',
  async t => {
    const { issuer, server, another, connections } = await createWorld(t)
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const metadata = {
      redirect_uris: [connections.urls.callback],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k1' }] }
    }
    issuer.addClient({ clientId: 'by-hand', metadata })
    const pem = await exportPKCS8(privateKey)
    const client = { issuer: issuer.issuer, clientId: 'by-hand', privateKey: { pem, alg: 'ES256' as const, kid: 'k1' } }
    const app = await another({ servers: { notes: { url: server.resource, oauth: { client } } } })
    const { url } = await app.start(alice, 'notes', { binding: BINDING })
    const params = await walkAuthorization(url)
    t.match(await app.complete({ params, binding: BINDING, owner: alice }), { outcome: 'connected' })
    t.equal(issuer.count('register'), 0)
    t.match(issuer.requests.at(-1)?.body ?? '', /client_assertion=ey/)

    const stranger = await exportPKCS8((await generateKeyPair('ES256', { extractable: true })).privateKey)
    const wrong = { ...client, privateKey: { pem: stranger, alg: 'ES256' as const } }
    const other = await another({ servers: { notes: { url: server.resource, oauth: { client: wrong } } } })
    const again = await other.start(alice, 'notes', { binding: BINDING })
    await t.rejects(other.complete({ params: await walkAuthorization(again.url), binding: BINDING, owner: alice }), {
      code: 'MCP_CLIENT_REJECTED'
    })
  }
)
