/** For which organization, and how much: what the app says about a person when consent is given, and later. */
import { digest } from '@fastify-mcp-auth/core'
import t from 'tap'
import type { Organization, ScopesContext, UserAdapter } from '../../src/index.ts'
import { buildServer, modelOf, openSignedIn, RESOURCE } from '../fixture.ts'

const ACME = { id: 'acme', name: 'Acme' }
const GLOBEX = { id: 'globex', name: 'Globex' }
const claimsOf = (token: unknown) => JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString())

/** Accounts whose organizations and limits a test may change. */
function people(organizations: Organization[], limit?: (scope: string, context: ScopesContext) => boolean) {
  const state = { organizations, limit, seen: [] as unknown[] }
  const users: UserAdapter = {
    current: request =>
      /session=alice/.test(request.headers.cookie ?? '') ? { user: 'alice', authTime: 1_800_000_000 } : null,
    loginUrl: ({ returnTo }) => `/login?returnTo=${encodeURIComponent(returnTo)}`,
    subject: user => `sub-${user}`,
    find: () => 'alice',
    displayName: String,
    claims: (_user, context) => {
      state.seen.push(context)
      return { org_id: 'forged' }
    },
    organizations: () => state.organizations,
    allowedScopes: (_user, scopes, context) => scopes.filter(scope => state.limit?.(scope, context) ?? true)
  }
  return { state, users }
}

t.test(
  'uploads 231: an organization that is not on offer, or none where there is a choice, grants nothing',
  async t => {
    const { users } = people([ACME, GLOBEX])
    const server = await buildServer(t, { options: { users } })
    const client = server.client()
    const page = await openSignedIn(client, (await client.start()).url)
    t.match(modelOf(page).organizations, [ACME, GLOBEX])
    const account = page.forms[0]?.fields.find(({ name }) => name === 'account')?.value ?? ''
    for (const organization of ['organization=evil', 'organization=', 'organization=acme&organization=globex', '']) {
      const refused = await server.app.inject({
        method: 'POST',
        url: new URL(page.url).pathname,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          cookie: client.browser.cookies.header(page.url)
        },
        payload: `decision=allow&scope=notes%3Aread&account=${account}&${organization}`
      })
      t.equal(refused.statusCode, 400, organization)
      t.match(refused.body, '"reason":"invalid_request"')
    }
    t.match(await server.storage.counts(), { grants: 0 })
  }
)

t.test('polar 12667: the organization is frozen into the grant, told in every token, and passed to claims', async t => {
  const { users, state } = people([ACME, GLOBEX])
  const server = await buildServer(t, { options: { users } })
  const client = server.client()
  const tokens = await client.connect({ organization: 'globex' })
  t.equal(claimsOf(tokens.access_token).org_id, 'globex')
  const refreshed = (await client.refresh(tokens.refresh_token ?? '')).json()
  t.equal(claimsOf(refreshed['access_token']).org_id, 'globex')
  t.match(state.seen, [{ organization: 'globex', resource: RESOURCE }, { organization: 'globex' }])
  t.match((await server.app.authorizationServer.grants.list('sub-alice')).grants, [{ organization: 'globex' }])
  const other = await client.connect({ organization: 'acme' })
  t.equal(claimsOf(other.access_token).org_id, 'acme')
  t.equal(
    (await server.app.authorizationServer.grants.list('sub-alice')).grants.length,
    2,
    'another one is another grant'
  )
  t.equal((await client.refresh(String(refreshed['refresh_token']))).statusCode, 200, 'and leaves the first alone')
})

t.test('another pick is another decision', async t => {
  const { users } = people([ACME, GLOBEX])
  const server = await buildServer(t, { options: { users } })
  const client = server.client()
  const page = await openSignedIn(client, (await client.start()).url)
  const first = await client.decide(page, { organization: 'acme' })
  t.equal((await client.decide(page, { organization: 'globex' })).statusCode, 409)
  t.equal((await client.decide(page, { organization: 'acme' })).leavesTo, first.leavesTo)
  t.equal((await server.storage.counts())['grants'], 1)
})

t.test('one organization needs no pick; none leaves no claim', async t => {
  for (const [organizations, claim] of [
    [[ACME, ACME], 'acme'],
    [[], undefined]
  ] as const) {
    const { users } = people([...organizations])
    const server = await buildServer(t, { options: { users } })
    const { access_token: token } = await server.client().connect()
    t.equal(claimsOf(token).org_id, claim, 'and the app cannot forge one')
  }
})

t.test('who leaves an organization loses what was allowed for it, at the next refresh', async t => {
  const { users, state } = people([ACME, GLOBEX])
  const server = await buildServer(t, { options: { users } })
  const client = server.client()
  const { refresh_token: token = '' } = await client.connect({ organization: 'globex' })
  const answer = await client.authorize({ organization: 'globex' })
  state.organizations = [ACME]
  t.equal((await client.refresh(token)).json()['error'], 'invalid_grant')
  t.equal((await client.redeem(answer)).json()['error'], 'invalid_grant', 'nor does a waiting code')
  state.organizations = [ACME, GLOBEX]
  t.equal((await client.refresh(token)).statusCode, 200, 'an error of the app can be mended')
})

t.test('what was remembered for one organization is not for another', async t => {
  const clients = [{ client_id: 'web', client_name: 'Web', redirect_uris: ['https://app.example/cb'] }]
  const { users, state } = people([ACME])
  const server = await buildServer(t, { options: { users, clients } })
  const client = server.client({ clientId: 'web', redirectUri: 'https://app.example/cb' })
  const open = async (parameters = {}) =>
    openSignedIn(client, (await client.start({ scope: 'notes:read', parameters })).url)
  await client.connect({ scope: 'notes:read' })
  t.match((await open()).leavesTo, /code=/)
  state.organizations = [GLOBEX]
  t.equal((await open()).leavesTo, null)
  t.match((await open({ prompt: 'none' })).leavesTo, /error=consent_required/)
  state.organizations = [ACME, GLOBEX]
  t.equal((await open()).leavesTo, null, 'a choice is asked for')
  t.match((await open({ prompt: 'none' })).leavesTo, /code=/, 'without a page the one that was allowed')
  t.match((await server.app.authorizationServer.grants.list('sub-alice')).grants, [{ organization: 'acme' }])
  await client.connect({ scope: 'notes:read', organization: 'globex', parameters: { prompt: 'consent' } })
  t.match((await open({ prompt: 'none' })).leavesTo, /error=consent_required/, 'two were: that is a choice')
})

t.test('with several organizations a scope that one of them has is an ordinary question', async t => {
  const { users } = people([ACME, GLOBEX])
  const server = await buildServer(t, { options: { users } })
  const client = server.client()
  await client.connect({ scope: 'notes:read', organization: 'acme' })
  const page = await openSignedIn(client, (await client.start({ scope: 'notes:write' })).url)
  t.match(modelOf(page), {
    stepUp: false,
    scopes: [
      { scope: 'notes:write', granted: false },
      { scope: 'notes:read', granted: false }
    ]
  })
})

t.test('Rails gem 0.4: a person allows no more than the app lets them, at consent', async t => {
  const { users } = people(
    [ACME, GLOBEX],
    (scope, { organization }) => scope === 'notes:read' || organization === 'globex'
  )
  const server = await buildServer(t, { options: { users } })
  const client = server.client()
  const scope = 'notes:read notes:write'
  const acme = await client.connect({ scope, scopes: ['notes:read', 'notes:write'], organization: 'acme' })
  t.equal(acme.scope, 'notes:read')
  t.match(
    (await server.app.authorizationServer.grants.list('sub-alice')).grants,
    [{ scopes: ['notes:read'] }],
    'nor is it kept'
  )
  t.equal((await server.app.authorizationServer.grants.list('sub-alice')).grants[0]?.scopes.length, 1)
  const globex = await client.connect({ scope, scopes: ['notes:read', 'notes:write'], organization: 'globex' })
  t.equal(globex.scope, scope)
})

t.test('what nobody may allow is not shown, and nothing left is access_denied without a page', async t => {
  const { users } = people([], scope => scope === 'notes:read')
  const server = await buildServer(t, { options: { users } })
  const client = server.client()
  const page = await openSignedIn(client, (await client.start({ scope: 'notes:read notes:admin' })).url)
  t.equal(modelOf(page).scopes.length, 1)
  const denied = await openSignedIn(client, (await client.start({ scope: 'notes:admin' })).url)
  t.match(denied.leavesTo, /error=access_denied/)
  t.match(await server.storage.counts(), { grants: 0 })
})

t.test('RFC 6749 6: and no more than the app lets them now, at each refresh', async t => {
  const { users, state } = people([])
  const server = await buildServer(t, { options: { users } })
  const client = server.client()
  const first = await client.connect({ scope: 'notes:read notes:write offline_access' })
  state.limit = scope => scope === 'notes:read'
  const second = (await client.refresh(first.refresh_token ?? '')).json()
  t.equal(second['scope'], 'notes:read offline_access')
  state.limit = () => false
  t.equal((await client.refresh(String(second['refresh_token']))).json()['error'], 'invalid_grant')
  state.limit = () => true
  const last = (await client.refresh(String(second['refresh_token']))).json()
  t.equal(last['scope'], 'notes:read notes:write offline_access', 'what is given back is there again')
})

t.test('an app that cannot say is an outage, never a verdict', async t => {
  const { users } = people([])
  for (const method of ['organizations', 'allowedScopes'] as const) {
    let broken = false
    const flaky: UserAdapter = {
      ...users,
      [method]: (...given: never[]) => {
        if (broken) throw new Error('database is down')
        return (users[method] as (...all: never[]) => unknown)?.(...given)
      }
    }
    const server = await buildServer(t, { options: { users: flaky } })
    const client = server.client()
    const page = await openSignedIn(client, (await client.start()).url)
    broken = true
    t.equal((await client.decide(page)).statusCode, 503)
    t.match(await server.storage.counts(), { grants: 0 })
  }
})

t.test('RFC 9470 4, polar 12667: an opaque token and introspection tell org_id, acr and amr as a JWT does', async t => {
  const scopes = { 'notes:read': 'Read' }
  for (const format of ['jwt', 'opaque'] as const) {
    const { users } = people([ACME, GLOBEX])
    const { current } = users
    const session = async (request: Parameters<typeof current>[0]) => {
      const found = await current(request)
      return found && { ...found, acr: 'mfa', methods: ['pwd', 'otp'] }
    }
    const server = await buildServer(t, {
      options: {
        users: { ...users, current: session },
        resources: { [RESOURCE]: { name: 'Notes', scopes, accessToken: { format } } },
        clients: [
          { client_id: 'rs', client_name: 'RS', client_secret_digest: digest('s3cret'), introspects: [RESOURCE] }
        ]
      }
    })
    const { access_token: token } = await server.client().connect({ organization: 'globex' })
    const wanted = { org_id: 'globex', acr: 'mfa', amr: ['pwd', 'otp'] }
    t.match((await server.app.authorizationServer.verifyAccessToken(token, RESOURCE)).claims, wanted)
    const introspected = await server.app.inject({
      method: 'POST',
      url: '/oauth/introspect',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from('rs:s3cret').toString('base64')}`
      },
      payload: `token=${token}`
    })
    t.match(introspected.json(), { active: true, ...wanted }, format)
  }
})
