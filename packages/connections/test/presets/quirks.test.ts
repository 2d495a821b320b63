/** Servers that behave as the quirks of the presets say. */
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import { type PresetId, preset } from '../../src/presets/preset.ts'
import { alice, BINDING, createWorld } from '../world.ts'

async function connectBy(t: Test, id: PresetId, behaviour: NonNullable<Parameters<typeof createWorld>[1]>['issuer']) {
  const { issuer, server, connections, another } = await createWorld(t, { issuer: behaviour ?? {} })
  issuer.addClient({
    clientId: 'by-hand',
    clientSecret: 'secret',
    metadata: { redirect_uris: [connections.urls.callback] }
  })
  const client = { issuer: issuer.issuer, clientId: 'by-hand', clientSecret: 'secret' }
  const app = await another({ servers: { notes: preset(id, { url: server.resource, oauth: { client } }) } })
  const { url } = await app.start(alice, 'notes', { binding: BINDING })
  await app.complete({ params: await walkAuthorization(url), binding: BINDING, owner: alice })
  await app.refresh(alice, 'notes')
  const { content } = await app.withClient(alice, 'notes', one => one.callTool({ name: 'whoami' }))
  return { issuer, text: (content as { text: string }[])[0]?.text }
}

t.test('preset entra: a server that refuses resource and does not mention PKCE, at all three legs', async t => {
  const metadata = { code_challenge_methods_supported: undefined }
  const { issuer, text } = await connectBy(t, 'entra', {
    behaviour: { resource: 'refused-as-entra', registration: 'closed', metadata }
  })
  t.equal(text, 'alice')
  t.notOk(issuer.requests.some(({ url, body }) => /(^|[?&])resource=/.test(`${url.search}&${body}`)))
  t.equal(issuer.count('register'), 0)
})

t.test('presets github and slack: a client by hand, and PKCE although nobody mentions it', async t => {
  const metadata = { code_challenge_methods_supported: undefined }
  const github = await connectBy(t, 'github', { behaviour: { registration: 'open', metadata } })
  t.equal(github.text, 'alice')
  t.equal(github.issuer.count('register'), 0, 'no registration although there is one')
  t.ok(github.issuer.requests.some(({ url }) => url.searchParams.get('code_challenge_method') === 'S256'))
  t.equal((await connectBy(t, 'slack', { behaviour: { registration: 'closed' } })).text, 'alice')
})
