/** Several resources in one request: what is asked, what is granted, and which token is good for what. */
import t from 'tap'
import type { AuthorizationServerOptions } from '../src/index.ts'
import { buildServer, modelOf, ORIGIN, openSignedIn, RESOURCE } from './fixture.ts'

const CALENDAR = `${ORIGIN}/calendar`
const FILES = `${ORIGIN}/files`
const resources: AuthorizationServerOptions['resources'] = {
  [RESOURCE]: {
    name: 'Notes',
    scopes: {
      read: 'Read your notes',
      write: 'Write notes',
      admin: { description: 'Delete notes', destructive: true, implies: ['read', 'write'] }
    },
    defaultScopes: ['read']
  },
  [CALENDAR]: {
    name: 'Calendar',
    scopes: {
      read: { description: 'See your appointments', tools: ['agenda'] },
      write: 'Make appointments',
      admin: 'Share it'
    },
    defaultScopes: ['read', 'write']
  },
  [FILES]: { name: 'Files', scopes: { files: 'Read your files' }, default: true }
}
const several = { options: { resources } }
const both = { parameters: { resource: [RESOURCE, CALENDAR] } }
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

t.test('RFC 8707 2.2: a token request names one of the granted resources, never another, never two', async t => {
  const server = await buildServer(t, several)
  const client = server.client()
  for (const resource of [FILES, [RESOURCE, CALENDAR], `${RESOURCE}/x`]) {
    const refused = await client.redeem(await client.authorize(both), { resource })
    t.equal(refused.statusCode, 400)
    t.equal(refused.json()['error'], 'invalid_target', String(resource))
  }
  const redeemed = await client.redeem(await client.authorize(both), { resource: null })
  const { refresh_token: token = '' } = redeemed.json<{ refresh_token: string }>()
  for (const resource of [FILES, [RESOURCE, CALENDAR]])
    t.equal((await client.refresh(token, { resource })).json()['error'], 'invalid_target')
  t.equal((await client.refresh(token, { resource: CALENDAR })).statusCode, 200, 'and nothing was used up')
})

t.test('RFC 8707 3: an access token is for one resource, with the scopes that this one knows', async t => {
  const server = await buildServer(t, several)
  const client = server.client()
  const parameters = { resource: [RESOURCE, FILES, RESOURCE] }
  const tokens = await client.connect({ scope: 'write files', parameters })
  t.match(claimsOf(tokens.access_token), { aud: RESOURCE, scope: 'write' }, 'the first when none is named')
  t.equal(tokens.scope, 'write')
  const other = await client.refresh(tokens.refresh_token ?? '', { resource: FILES })
  t.match(claimsOf(String(other.json()['access_token'])), { aud: FILES, scope: 'files' })
  const { verifyAccessToken } = server.app.authorizationServer
  await t.rejects(verifyAccessToken(tokens.access_token, FILES), /invalid_token/)
  t.match((await server.app.authorizationServer.grants.list('sub-alice')).grants, [{ resources: [RESOURCE, FILES] }])
})

t.test('RFC 8707 2.2: a resource of which nothing was allowed gets no token', async t => {
  const server = await buildServer(t, several)
  const client = server.client()
  const answer = await client.authorize({
    scope: 'write files',
    parameters: { resource: [RESOURCE, FILES] },
    scopes: ['write']
  })
  const refused = await client.redeem(answer, { resource: FILES })
  t.equal(refused.json()['error'], 'invalid_target')
  t.equal((await client.redeem(answer)).json()['scope'], 'write', 'the code is still good for the other')
})

t.test('PX-3: a person reads what a scope means at each of the resources', async t => {
  const server = await buildServer(t, several)
  const client = server.client()
  const { url } = await client.start({ scope: 'read admin', ...both })
  t.match(modelOf(await openSignedIn(client, url)), {
    resources: [
      { resource: RESOURCE, name: 'Notes' },
      { resource: CALENDAR, name: 'Calendar' }
    ],
    scopes: [
      { scope: 'read', description: 'Read your notes · See your appointments', tools: ['agenda'] },
      {
        scope: 'admin',
        description: 'Delete notes · Share it',
        destructive: true,
        preselected: false,
        includes: ['Read your notes', 'Write notes']
      }
    ]
  })
})

t.test('AZ-8: what a scope implies at one resource opens nothing at another with the same words', async t => {
  const server = await buildServer(t, several)
  const client = server.client()
  const { refresh_token: token = '' } = await client.connect({ scope: 'admin', scopes: ['admin'], ...both })
  const widened = await client.refresh(token, { resource: CALENDAR, scope: 'write' })
  t.equal(widened.json()['error'], 'invalid_scope')
  const notes = await client.refresh(token, { resource: RESOURCE, scope: 'write' })
  t.equal(notes.json()['scope'], 'write')
})

t.test(
  'RFC 8707 2: without scope each resource adds its own defaults; without resource the default one is meant',
  async t => {
    const server = await buildServer(t, several)
    const client = server.client()
    t.equal((await client.connect(both)).scope, 'read write')
    const tokens = await client.redeem(await client.authorize({ parameters: { resource: null } }), { resource: null })
    t.match(claimsOf(String(tokens.json()['access_token'])), { aud: FILES, scope: 'files' })
  }
)

t.test('RFC 9700 4.14.2: a retry for another resource is no retry, and no theft either', async t => {
  const server = await buildServer(t, several)
  const client = server.client()
  const { refresh_token: token = '' } = await client.connect({ scope: 'read', ...both })
  const first = await client.refresh(token, { resource: RESOURCE })
  const other = await client.refresh(token, { resource: CALENDAR })
  t.equal(other.json()['error'], 'invalid_grant')
  t.equal((await client.refresh(token, { resource: RESOURCE })).body, first.body)
})
