/** What a page may load besides the question: by whom it is asked, and nothing happens by it. */
import t from 'tap'
import { buildServer, CALLBACK, ORIGIN, openSignedIn } from '../fixture.ts'

const WEB = {
  client_id: 'web',
  client_name: 'Web',
  redirect_uris: [CALLBACK],
  logo_uri: 'https://web.example/logo.png'
}

t.test('the client of a question is told to its own browser, while somebody is signed in and it is open', async t => {
  const server = await buildServer(t, {
    options: { clients: [WEB], rateLimit: { authorize: 4 } },
    after: app => {
      app.get<{ Params: { handle: string } }>('/client/:handle', async (request, reply) =>
        reply.send({ client: await app.authorizationServer.interactions.client(request, request.params.handle) })
      )
    }
  })
  const client = server.client({ clientId: 'web' })
  const page = await openSignedIn(client, (await client.start()).url)
  const handle = new URL(page.url).pathname.split('/').at(-1) ?? ''
  const cookies = client.browser.cookies.header(ORIGIN)
  const ask = async (cookie: string, which = handle) =>
    (await server.app.inject({ url: `/client/${which}`, headers: { cookie } })).json().client

  t.equal(await ask(cookies, 'unknown'), null)
  t.equal(await ask('session=alice'), null, 'another browser')
  t.equal(await ask(cookies.replace(/session=\w+/, 'session=')), null, 'nobody is signed in')
  for (let i = 0; i < 10; i++)
    t.match(await ask(cookies), { clientId: 'web', name: 'Web', verifiedHost: '127.0.0.1:3000', logoUri: WEB.logo_uri })
  t.notOk('refreshable' in (await ask(cookies)))
  await client.decide(page)
  t.equal(await ask(cookies), null, 'answered')

  const later = await client.browser.open((await client.start({ parameters: { prompt: 'consent' } })).url)
  const second = new URL(later.url).pathname.split('/').at(-1)
  const known = client.browser.cookies.header(ORIGIN)
  t.match(await ask(known, second), { clientId: 'web' })
  server.clock.advance(3600)
  t.equal(await ask(known, second), null, 'too old')
})
