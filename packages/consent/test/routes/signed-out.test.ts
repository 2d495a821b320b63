import t from 'tap'
import { buildApp, fakeServer } from '../fake-server.ts'

const PATH = '/signed-out'

t.test('the page says that it is done, and that connected apps keep their access', async t => {
  const fake = fakeServer()
  fake.person = null
  const app = await buildApp({
    fake,
    options: { brand: { name: 'Acme Notes' }, signedOut: PATH, connectedApps: '/connected-apps' }
  })
  const { statusCode, headers, body } = await app.inject(PATH)
  t.equal(statusCode, 200)
  t.match(body, '<h1>You are signed out</h1>')
  t.match(body, 'keep their access')
  t.match(body, 'href="/connected-apps"')
  t.match(body, 'href="/login?returnTo=%2Fconnected-apps"')
  t.match(headers['content-security-policy'], /frame-ancestors 'none'.*form-action 'none'$/)
  t.equal(headers['cache-control'], 'no-store')
  await app.close()
})

t.test('who is still signed in is not told otherwise', async t => {
  const app = await buildApp({ options: { brand: { name: 'Acme' }, signedOut: PATH } })
  const { body } = await app.inject(PATH)
  t.match(body, '<h1>You are still signed in</h1>')
  t.match(body, '<bdi>alice@example.com</bdi>')
  t.notMatch(body, 'href="/login')
  await app.close()
})

t.test('an outage is a page, and there is no page unless it is wanted', async t => {
  const fake = fakeServer()
  const failing = {
    ...fake.decorator,
    people: { ...fake.decorator.people, current: () => Promise.reject(new Error('x')) }
  }
  const app = await buildApp({ fake: { ...fake, decorator: failing }, options: { signedOut: PATH } })
  const { statusCode, body } = await app.inject(PATH)
  t.equal(statusCode, 500)
  t.match(body, 'Something went wrong here')
  await app.close()
  const without = await buildApp()
  t.equal((await without.inject(PATH)).statusCode, 404)
  await without.close()
  await t.rejects(buildApp({ options: { signedOut: 'x' } }), { message: /"signedOut"/ })
})
