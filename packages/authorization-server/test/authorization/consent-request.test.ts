/** What a person is told, and how it depends on what they allowed before. */
import t from 'tap'
import { buildServer, CALLBACK, modelOf, openSignedIn, RESOURCE, type TestServer } from '../fixture.ts'

/** The consent page of a request, for a person who is signed in. */
async function page({ client: newClient }: TestServer, scope: string, client = newClient()) {
  return openSignedIn(client, (await client.start({ scope })).url)
}

t.test(
  'PX-3, REG-12: the page is told the client, where the answer goes, for what, and to whom it belongs',
  async t => {
    const server = await buildServer(t)
    const model = modelOf(await page(server, 'notes:read'))
    t.match(model, {
      status: 'consent',
      decisionUrl: /^\/oauth\/interaction\/[\w-]{43}$/,
      client: {
        name: 'Test client',
        names: {},
        verifiedHost: null,
        clientUri: null,
        logoUri: null,
        policyUri: null,
        tosUri: null
      },
      redirect: { uri: CALLBACK, kind: 'loopback', host: '127.0.0.1', formAction: 'http://127.0.0.1:49152' },
      resources: [{ resource: RESOURCE, name: 'Notes' }],
      stepUp: false,
      firstTime: true,
      account: { displayName: 'alice', proof: /^[\w-]{43}$/ },
      grantTtl: 90 * 86_400,
      expiresAt: server.clock.now() + 900
    })
    t.match(model.account.switchUrl, /^\/login\?returnTo=%2Foauth%2Finteraction%2F[\w-]{43}&prompt=login$/)
    t.equal('refreshable' in model.client, false)
  }
)

t.test('AZ-24: required scopes are part of every request and every grant', async t => {
  const scopes = { base: { description: 'Connect', required: true }, 'notes:read': 'Read your notes' }
  const server = await buildServer(t, { options: { resources: { [RESOURCE]: { name: 'Notes', scopes } } } })
  const client = server.client()
  const tokens = await client.connect({ scope: 'notes:read', scopes: [] })
  t.equal(tokens.scope, 'base')
})

t.test('AZ-22: a step-up is recognised, and shows what is granted already', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.connect({ scope: 'notes:read' })
  t.match(modelOf(await page(server, 'notes:read notes:admin', client)), {
    stepUp: true,
    scopes: [
      { scope: 'notes:read', granted: true, preselected: true },
      { scope: 'notes:admin', granted: false, destructive: true, preselected: true }
    ]
  })
})

t.test('PX-3: what a scope brings along is told with it, asked for or not', async t => {
  const server = await buildServer(t)
  const { scopes } = modelOf(await page(server, 'notes:admin notes:read'))
  t.match(scopes, [
    { scope: 'notes:admin', includes: ['Read your notes', /write/i] },
    { scope: 'notes:read', includes: [] }
  ])
})

t.test('AZ-22: what an allowed scope implies counts as granted', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.connect({ scope: 'notes:admin', scopes: ['notes:admin'] })
  t.match(modelOf(await page(server, 'notes:read', client)), { stepUp: false, scopes: [{ granted: true }] })
})

t.test('PX-1: what was allowed to another client, by another person, or was revoked, is no step-up', async t => {
  const server = await buildServer(t)
  await server.client().connect({ scope: 'notes:read' })
  const client = server.client()
  const { clientId } = await client.credentials()
  const bob = server.client({ username: 'bob', clientId })
  await bob.connect({ scope: 'notes:read' })
  const revoked = await client.connect({ scope: 'notes:read' })
  await client.revoke(revoked.refresh_token ?? '')
  t.match(modelOf(await page(server, 'notes:read notes:admin', client)), {
    stepUp: false,
    scopes: [{ granted: false }, { scope: 'notes:admin', granted: false, preselected: false }]
  })
})

t.test('PX-1: another client of the same person is asked anew', async t => {
  const server = await buildServer(t)
  await server.client().connect()
  t.equal((await page(server, 'notes:read')).forms.length, 1, 'a consent page is shown')
  t.equal((await server.storage.counts())['grants'], 1)
})

t.test('a person is asked each time: nothing is allowed silently', async t => {
  const server = await buildServer(t)
  const client = server.client()
  await client.connect({ scope: 'notes:read' })
  t.equal((await page(server, 'notes:read', client)).leavesTo, null)
})
