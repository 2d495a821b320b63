import { readFileSync } from 'node:fs'
import { FetchRefusedError, InteractionError, type SafeFetch } from '@fastify-mcp-auth/core'
import t from 'tap'
import { createLogos, MAX_LOGO_BYTES, pictureType } from '../src/logos.ts'
import { buildApp, consentRequest, fakeServer } from './fake-server.ts'

const PNG = readFileSync(new URL('logo.png', import.meta.url))
const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
const URL_OF_LOGO = 'https://claude.ai/logo.png'
const PAGE = '/oauth/interaction/handle-1'

function serving(body: Buffer, { status = 200, type = 'image/png' } = {}): SafeFetch & { asked: string[] } {
  const asked: string[] = []
  const fetch: SafeFetch = async url => {
    asked.push(url)
    return { status, headers: { 'content-type': type }, body }
  }
  return Object.assign(fetch, { asked })
}

t.test('the logo of a client that somebody vouches for comes from this origin', async t => {
  const fetch = serving(PNG, { type: 'text/html' })
  const fake = fakeServer(consentRequest({ client: { logoUri: URL_OF_LOGO } }))
  const app = await buildApp({ fake, options: { fetch } })
  t.teardown(() => app.close())
  const page = await app.inject(PAGE)
  t.match(page.body, `<img class="client-logo" src="${PAGE}/logo" alt=""`)
  t.match(page.headers['content-security-policy'], `img-src https://notes.example${PAGE}/logo;`)
  t.notMatch(page.body, 'logo.png', 'a browser never goes there')
  const logo = await app.inject(`${PAGE}/logo`)
  t.equal(logo.statusCode, 200)
  t.strictSame(logo.rawPayload, PNG)
  t.match(logo.headers, {
    'content-type': 'image/png',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'private, max-age=900'
  })
  t.strictSame(fetch.asked, [URL_OF_LOGO], 'fetched once')
})

t.test('RFC 7591 5: a client that nobody vouches for shows no picture, and none is fetched', async t => {
  const fetch = serving(PNG)
  const fake = fakeServer(consentRequest({ client: { logoUri: URL_OF_LOGO, verifiedHost: null } }))
  const app = await buildApp({ fake, options: { fetch } })
  t.teardown(() => app.close())
  t.notMatch((await app.inject(PAGE)).body, '<img')
  t.equal((await app.inject(`${PAGE}/logo`)).statusCode, 404)
  t.strictSame(fetch.asked, [])
})

t.test('without a question that this browser may see nothing is served and nothing is fetched', async t => {
  const fetch = serving(PNG)
  for (const details of [
    { status: 'settled', redirectTo: 'https://claude.ai/callback?code=x' } as const,
    new InteractionError('interaction_other_browser', { statusCode: 403 }),
    { status: 'login', loginUrl: '/login' } as const
  ]) {
    const app = await buildApp({ fake: fakeServer(details), options: { fetch } })
    const { statusCode, body } = await app.inject(`${PAGE}/logo`)
    t.equal(statusCode, 404)
    t.equal(body, '')
    await app.close()
  }
  t.strictSame(fetch.asked, [])
})

t.test('what is no picture is no logo: SVG, HTML, what moves, errors, what is too large', async t => {
  const wrong = [
    serving(SVG, { type: 'image/svg+xml' }),
    serving(Buffer.from('<html>')),
    serving(Buffer.from('GIF89a....')),
    serving(PNG, { status: 404 }),
    serving(Buffer.concat([PNG, Buffer.alloc(MAX_LOGO_BYTES)]))
  ]
  for (const fetch of wrong) {
    const fake = fakeServer(consentRequest({ client: { logoUri: URL_OF_LOGO } }))
    const app = await buildApp({ fake, options: { fetch } })
    const page = await app.inject(PAGE)
    t.notMatch(page.body, '<img')
    t.match(page.headers['content-security-policy'], "img-src 'none'")
    t.equal((await app.inject(`${PAGE}/logo`)).statusCode, 404)
    t.equal(fetch.asked.length, 1, 'and a failure is remembered')
    await app.close()
  }
})

t.test('a type is found out by the first bytes', async t => {
  t.equal(pictureType(PNG), 'image/png')
  t.equal(pictureType(Buffer.from([0xff, 0xd8, 0xff, 0xe0])), 'image/jpeg')
  t.equal(pictureType(Buffer.from('RIFF....WEBPVP8 ')), 'image/webp')
  for (const other of ['RIFF....WAVE', 'GIF87a', '<svg', '\x89PNG', '', 'BM'])
    t.equal(pictureType(Buffer.from(other, 'latin1')), null, other)
})

t.test('a page does not wait long for a logo; the next page has it', async t => {
  let arrive = (): void => undefined
  const arrived = new Promise<void>(resolve => {
    arrive = resolve
  })
  let asked = 0
  const logos = createLogos(
    async () => {
      asked += 1
      await arrived
      return { status: 200, headers: {}, body: PNG }
    },
    () => undefined
  )
  t.equal(await logos.isReady(URL_OF_LOGO), false)
  arrive()
  t.strictSame((await logos.get(URL_OF_LOGO))?.bytes, PNG)
  t.equal(await logos.isReady(URL_OF_LOGO), true)
  t.equal(asked, 1)
})

t.test('a refusal of the guarded fetch is told and costs the logo only', async t => {
  const told: unknown[] = []
  const logos = createLogos(
    async () => {
      throw new FetchRefusedError('address', 'https://10.0.0.1/: not a public address')
    },
    (url, error) => told.push([url, error instanceof Error && error.message])
  )
  t.equal(await logos.get('https://10.0.0.1/'), null)
  t.strictSame(told, [['https://10.0.0.1/', 'https://10.0.0.1/: not a public address']])
})
