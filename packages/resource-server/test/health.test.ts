import t from 'tap'
import { jwt } from '../src/index.ts'
import { createApp } from './app.ts'

t.test('health: from the first fetch through an outage to the end of what was kept, and back', async t => {
  const { app, bearer, clock, issuer } = await createApp(t)
  const ask = async (): Promise<number> =>
    (await app.inject({ url: '/mcp', headers: await bearer({ scopes: ['mcp:tools'] }) })).statusCode
  const health = (): unknown[] => {
    const { ok, dependencies } = app.mcpAuth.health()
    return [ok, ...dependencies.map(({ dependency, state, age }) => [dependency, state, age])]
  }
  t.strictSame(health(), [true, ['jwks', 'unknown', null], ['discovery', 'unknown', null]], 'nothing was asked for yet')
  t.equal(await ask(), 200)
  t.strictSame(health(), [true, ['jwks', 'up', 0], ['discovery', 'up', 0]])
  issuer.outage = true
  clock.advance(700)
  t.equal(await ask(), 200)
  t.strictSame(health(), [true, ['jwks', 'down', 700], ['discovery', 'up', 700]], 'known keys still work')
  clock.advance(3600)
  t.equal(await ask(), 503)
  t.strictSame(health(), [false, ['jwks', 'down', null], ['discovery', 'down', 4300]], 'keys that are too old do not')
  issuer.outage = false
  clock.advance(30)
  t.equal(await ask(), 200)
  t.strictSame(health(), [true, ['jwks', 'up', 0], ['discovery', 'up', 0]])
  clock.advance(86_400)
  t.strictSame(health()[0], true, 'an app that nobody calls is not down')
})

t.test('health: an issuer that never answered, and one that is not asked', async t => {
  const { app, bearer, issuer } = await createApp(t)
  issuer.outage = true
  t.equal((await app.inject({ url: '/mcp', headers: await bearer() })).statusCode, 503)
  t.match(app.mcpAuth.health(), {
    ok: false,
    dependencies: [
      { state: 'down', age: null },
      { state: 'down', age: null }
    ]
  })
  const fixed = jwt({ issuer: issuer.issuer, jwks: await issuer.jwks() })
  t.strictSame(fixed.health?.(), [{ dependency: 'jwks', issuer: issuer.issuer, state: 'up', age: null }])
  const pointed = jwt({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, fetch: issuer.fetch })
  t.strictSame(
    pointed.health?.().map(({ dependency }) => dependency),
    ['jwks']
  )
})
