/** When a token ends: as the answer says, or the token, or the options; and what is done where nobody says. */
import { UnsecuredJWT } from 'jose'
import t from 'tap'
import { readTokenSet } from '../src/token-set.ts'
import { createWorld, type World } from './world.ts'

const NOW = 1_800_000_000
const jwt = (exp: unknown) => new UnsecuredJWT({ exp } as { exp: number }).encode()

t.test('item 7: the end is that of the answer, else of the token, else of the options, else unknown', async t => {
  const lifetimes: [object, number | undefined, number | null][] = [
    [{ access_token: 'a', expires_in: 60 }, 900, 60],
    [{ access_token: 'a', expires_in: '60' }, 900, 60],
    [{ access_token: jwt(NOW + 300), expires_in: 60 }, 900, 60],
    [{ access_token: jwt(NOW + 300) }, 900, 300],
    [{ access_token: jwt(NOW - 300) }, 900, 0],
    [{ access_token: jwt('soon') }, 900, 900],
    [{ access_token: 'a.b.c' }, 900, 900],
    [{ access_token: 'a', expires_in: -1 }, 900, 900],
    [{ access_token: 'a', expires_in: null }, 900, 900],
    [{ access_token: 'a', expires_in: 0 }, 900, 0],
    [{ access_token: 'a' }, undefined, null],
    [{ access_token: 'a', expires_in: 1e300 }, undefined, 315_360_000]
  ]
  for (const [body, defaultLifetime, lifetime] of lifetimes)
    t.match(
      readTokenSet(body, { now: NOW, defaultLifetime }),
      { lifetime, expiresAt: lifetime === null ? null : NOW + lifetime },
      JSON.stringify(body)
    )
})

t.test('RFC 6749 5.1: what is no token that can be presented is none', async t => {
  for (const body of [
    null,
    [],
    'token',
    {},
    { access_token: '' },
    { access_token: 7 },
    { access_token: 'a\r\nx-admin: 1' },
    { access_token: 'x'.repeat(16_385) },
    { access_token: 'a', token_type: 'mac' }
  ])
    t.equal(readTokenSet(body, { now: NOW, defaultLifetime: undefined }), null)
  const odd = { access_token: 'a', refresh_token: 'b\nc', token_type: 'bEaReR', scope: 'repo,gist' }
  t.match(readTokenSet(odd, { now: NOW, defaultLifetime: undefined }), {
    refreshToken: null,
    tokenType: 'Bearer',
    scopes: ['repo', 'gist']
  })
})

const refreshes = ({ issuer }: World): number =>
  issuer.requests.filter(({ endpoint, body }) => endpoint === 'token' && body.includes('grant_type=refresh_token'))
    .length

t.test('item 7: a server that says no end: refreshed by its JWT, by the options, or when it is refused', async t => {
  const silent = { expiresIn: false, accessTokenLifetime: 600 } as const
  const byToken = await createWorld(t, { issuer: { behaviour: { ...silent, accessTokenFormat: 'jwt' } } })
  const byOptions = await createWorld(t, {
    issuer: { behaviour: silent },
    definition: { oauth: { accessTokenLifetime: 300 } }
  })
  const unknown = await createWorld(t, { issuer: { behaviour: silent } })
  for (const world of [byToken, byOptions, unknown]) {
    await world.connect()
    world.clock.advance(590)
    t.equal(await world.whoami(), 'alice')
  }
  t.strictSame([byToken, byOptions, unknown].map(refreshes), [1, 1, 0])
  t.match(await unknown.connections.status({ type: 'user', id: 'alice' }, 'notes'), {
    status: 'active',
    accessExpiresAt: null
  })
  byOptions.clock.advance(250)
  t.equal(await byOptions.whoami(), 'alice')
  t.equal(refreshes(byOptions), 2, 'also of what came by a refresh')
  unknown.clock.advance(30)
  t.equal(await unknown.whoami(), 'alice')
  t.equal(refreshes(unknown), 1)
})
