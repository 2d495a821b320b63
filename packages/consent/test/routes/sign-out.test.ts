/** The page that asks whether to sign out. */
import { InteractionError } from '@fastify-mcp-auth/core'
import t, { type Test } from 'tap'
import { buildApp, type FakeServer, fakeServer, signOutRequest } from '../fake-server.ts'

const PATH = '/oauth/end_session/confirm'

async function open(
  t: Test,
  signOut: FakeServer['signOut'],
  options: NonNullable<Parameters<typeof buildApp>[0]>['options'] = {}
) {
  const fake = fakeServer()
  fake.signOut = signOut
  const app = await buildApp({ fake, options: { brand: { name: 'Acme Notes' }, ...options } })
  t.teardown(() => app.close())
  const { statusCode, headers, body } = await app.inject(PATH)
  return { app, fake, statusCode, headers, html: body.replace(/\s*\n\s*/g, '') }
}

t.test('the page says who asks, who is signed in, and where the browser goes after that', async t => {
  const client = { clientId: 'c', name: 'Board <script>\u202e' }
  const { html, headers } = await open(t, signOutRequest({ client, redirectHost: 'bоard.example' }))
  t.match(html, '<h1>Sign out of <bdi>Acme Notes</bdi>?</h1>')
  t.match(html, '“<bdi>Board &lt;script&gt;</bdi>”</span> <span class="soft">not verified</span>')
  t.match(html, '<bdi>alice@example.com</bdi>')
  t.match(html, /<bdi>xn--bard-[\w-]+\.example<\/bdi>/, 'a host that imitates another is seen')
  t.match(
    html,
    '<input type="hidden" name="request" value="request-1"><input type="hidden" name="proof" value="proof-1">'
  )
  t.strictSame(
    [...html.matchAll(/name="decision" value="(\w+)"/g)].map(([, value]) => value),
    ['stay', 'sign_out']
  )
  t.match(
    headers['content-security-policy'],
    /frame-ancestors 'none'.*form-action 'self' https:\/\/board\.example https:$/
  )
})

t.test('where nobody says who asks, and nothing follows, nothing is said', async t => {
  const { html } = await open(t, signOutRequest({ client: null, redirectHost: null }))
  t.notMatch(html, /Asked by|not verified|Then you go to/)
  t.match(html, 'Signed in as')
})

t.test('who is not signed in goes on; a link that is old or of another browser is a page', async t => {
  const settled = await open(t, { status: 'settled', redirectTo: '/signed-out' })
  t.equal(settled.statusCode, 303)
  t.equal(settled.headers.location, '/signed-out')
  const old = await open(t, new InteractionError('invalid_request'))
  t.equal(old.statusCode, 400)
  t.match(old.html, 'This request is not complete')
})

t.test('the authorization server learns where a sign-out ends', async t => {
  const urls: unknown[] = []
  for (const signedOut of [undefined, '/signed-out']) {
    const fake = fakeServer(undefined, '/api/oauth')
    const decorator = {
      ...fake.decorator,
      present: (pages: { signedOutUrl?: string | undefined }) => urls.push(pages.signedOutUrl)
    }
    const options = signedOut === undefined ? {} : { signedOut }
    await (await buildApp({ fake: { ...fake, decorator }, options, prefix: '/api' })).close()
  }
  t.strictSame(urls, [undefined, '/api/signed-out'])
})

t.test('as JSON: the same model, and an endpoint for the answer, behind the same guard as the others', async t => {
  const ours = { 'x-mcp-auth': '1', 'sec-fetch-site': 'same-origin', origin: 'https://notes.example' }
  const { app, fake } = await open(t, signOutRequest(), { json: true })
  const told: unknown[] = []
  Object.assign(fake.decorator.signOuts ?? {}, {
    confirm: async (_request: unknown, _reply: unknown, entry: unknown) => {
      told.push(entry)
      return { redirectTo: 'https://board.example/bye' }
    }
  })
  const model = (await app.inject({ url: `${PATH}/model`, headers: ours })).json()
  t.match(model, {
    version: 1,
    page: 'sign-out',
    client: { name: 'Acme Board', verifiedHost: null },
    goesTo: 'board.example'
  })
  const post = (payload: object, headers: Record<string, string> = ours) =>
    app.inject({ method: 'POST', url: `${PATH}/decision`, headers, payload })
  const answer = { decision: 'sign_out', request: model.request, proof: model.proof }
  for (const headers of [{}, { ...ours, origin: 'https://evil.example' }, { ...ours, 'x-mcp-auth': '' }])
    t.equal((await post(answer, headers)).statusCode, 403)
  for (const wrong of [{}, { ...answer, decision: 'yes' }, { ...answer, proof: 1 }, { ...answer, request: [] }])
    t.equal((await post(wrong)).statusCode, 400)
  t.strictSame(told, [])
  t.match((await post(answer)).json(), { page: 'redirect', redirectTo: 'https://board.example/bye' })
  t.strictSame(told, [{ decision: 'sign_out', request: 'request-1', proof: 'proof-1' }])
})
