/** What a person allowed once, and may not allow any more, when tokens are made. */
import t from 'tap'
import type { UserAdapter } from '../../src/index.ts'
import { buildServer, usersOf } from '../fixture.ts'

t.test('a refresh gives nothing where the app allows nothing any more, and goes on when it does again', async t => {
  let allowed = ['notes:read', 'notes:write']
  const users: Partial<UserAdapter> = {
    allowedScopes: (_user, scopes) => scopes.filter(scope => allowed.includes(scope))
  }
  const server = await buildServer(t, { users })
  const one = server.client()
  const { refresh_token: token = '' } = await one.connect({ scope: 'notes:read notes:write offline_access' })
  allowed = []
  const refused = await one.refresh(token)
  t.match(refused.json(), { error: 'invalid_grant' })
  t.notMatch(refused.body, /access_token/)
  allowed = ['notes:read']
  const response = await one.refresh(token)
  t.match(response.json(), { scope: 'notes:read offline_access' })
})

for (const [what, users] of Object.entries({
  'an app that limits scopes': { allowedScopes: (_user: unknown, scopes: readonly string[]) => [...scopes] },
  'an app that does not': {}
}))
  t.test(
    `RFC 6749 6: offline_access alone is no scope of a token, and the refresh token stays good (${what})`,
    async t => {
      const server = await buildServer(t, { users })
      const one = server.client()
      const { refresh_token: token = '' } = await one.connect({ scope: 'notes:read offline_access' })
      const refused = await one.refresh(token, { scope: 'offline_access' })
      t.equal(refused.statusCode, 400)
      t.match(refused.json(), { error: 'invalid_scope' })
      const response = await one.refresh(token)
      t.match(response.json(), { scope: 'notes:read offline_access' })
      t.not(response.json().refresh_token, token, 'the first use')
    }
  )

t.test('the app is not asked about somebody who is gone', async t => {
  const asked: unknown[] = []
  const gone = new Set<string>()
  const users = {
    ...usersOf({ gone, signedInAt: new Map(), failure: null }, { now: () => 1_800_000_000 }),
    organizations: (user: unknown) => {
      asked.push(user)
      return [{ id: 'acme', name: 'Acme' }]
    }
  }
  const server = await buildServer(t, { users })
  const one = server.client()
  const { refresh_token: token = '' } = await one.connect()
  gone.add('sub-alice')
  asked.length = 0
  t.match((await one.refresh(token)).json(), { error: 'invalid_grant' })
  t.strictSame(asked, [])
})
