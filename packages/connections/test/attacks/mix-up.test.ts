/** 5.7: a hostile authorization server that wants the code of an honest one, whose answers do not say whose they are. */
import { fault, walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t, { type Test } from 'tap'
import type { ConnectionsOptions } from '../../src/index.ts'
import { alice, BINDING, createWorld } from '../world.ts'

async function arrange(t: Test) {
  const [honest, evil] = [await createWorld(t), await createWorld(t)]
  const silent = { authorization_response_iss_parameter_supported: undefined }
  honest.issuer.behaviour.iss = 'missing'
  honest.issuer.behaviour.metadata = silent
  const authorization_endpoint = `${honest.issuer.issuer}/authorize`
  const token_endpoint = `${honest.issuer.issuer}/token`
  evil.issuer.behaviour.metadata = { ...silent, authorization_endpoint }
  const servers: ConnectionsOptions['servers'] = {
    honest: { url: honest.server.resource, tools: { syncOnConnect: false } },
    evil: { url: evil.server.resource, tools: { syncOnConnect: false } }
  }
  const app = await honest.another({ servers })
  const start = (server: string) => app.start(alice, server, { binding: BINDING })
  const connect = async (server: string): Promise<string> => {
    const { url } = await start(server)
    await app.complete({ params: await walkAuthorization(url, { username: 'alice' }), binding: BINDING, owner: alice })
    return new URL(url).searchParams.get('client_id') ?? ''
  }
  return { honest, evil, app, start, connect, silent, authorization_endpoint, token_endpoint }
}

const MIX_UP = { code: 'MCP_ISSUER_MISMATCH', reason: 'mix_up' }

t.test('RFC 9700 4.4: nobody is sent to the authorization endpoint of another server for a code', async t => {
  const { evil, start, connect } = await arrange(t)
  const clientId = await connect('honest')
  evil.issuer.fail('register', fault.json(201, { client_id: clientId, token_endpoint_auth_method: 'none' }))
  await t.rejects(start('evil'), MIX_UP)
  t.equal(evil.issuer.count('register') + evil.issuer.count('token'), 0, 'nothing was sent')
})

t.test('RFC 9700 4.4: also where the honest one is known by the options only', async t => {
  const { honest, evil, app } = await arrange(t)
  const client = { issuer: honest.issuer.issuer, clientId: 'by-hand' }
  for (const oauth of [{ issuer: honest.issuer.issuer }, { client }]) {
    const other = await honest.another({
      servers: {
        honest: { url: honest.server.resource, oauth },
        evil: { url: evil.server.resource }
      }
    })
    await t.rejects(other.start(alice, 'evil', { binding: BINDING }), MIX_UP)
  }
  t.match(await app.start(alice, 'evil', { binding: BINDING }), { url: String }, 'nobody knows it')
})

t.test(
  'RFC 9700 4.4: who passes the code on as well, has `iss`, or is vouched for by the operator is let through',
  async t => {
    const passing = await arrange(t)
    await passing.connect('honest')
    const { silent, authorization_endpoint, token_endpoint } = passing
    passing.evil.issuer.behaviour.metadata = { ...silent, authorization_endpoint, token_endpoint }
    t.match(await passing.start('evil'), { url: String })

    const named = await arrange(t)
    const client_id = await named.connect('honest')
    named.evil.issuer.fail('register', fault.json(201, { client_id, token_endpoint_auth_method: 'none' }))
    const { authorization_endpoint: endpoint } = named
    named.evil.issuer.behaviour.metadata = {
      authorization_endpoint: endpoint,
      authorization_response_iss_parameter_supported: true
    }
    await t.rejects(
      named.connect('evil'),
      { code: 'MCP_ISSUER_MISMATCH', reason: 'iss' },
      'and then it has to be there'
    )
    t.equal(named.evil.issuer.count('token'), 0)

    const vouched = await arrange(t)
    await vouched.connect('honest')
    const { issuer } = vouched.evil.issuer
    const app = await vouched.honest.another({
      servers: {
        honest: { url: vouched.honest.server.resource },
        evil: { url: vouched.evil.server.resource, oauth: { issuer } }
      }
    })
    await app.prepare('honest')
    t.match(await app.start(alice, 'evil', { binding: BINDING }), { url: String })
  }
)
