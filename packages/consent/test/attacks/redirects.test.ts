/** Open redirects: no parameter, header or field leads a browser to a place that was not matched for a client. */
import { createOAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { type AcmeNotes, createAcmeNotes } from '../flows/acme-notes.ts'

const CALLBACK = 'https://client.example/callback'
const EVIL = 'https://evil.example/steal'
const clients = [{ client_id: 'assistant', client_name: 'Assistant', redirect_uris: [CALLBACK] }]

/** Every place that a response could send a browser to. */
function leadsTo({ headers, body }: { headers: object; body: string }, base: string): string[] {
  const found = [
    Reflect.get(headers, 'location'),
    /^.*url=(.*)$/i.exec(String(Reflect.get(headers, 'refresh') ?? ''))?.[1],
    ...[...body.matchAll(/(?:href|src|action|formaction|content)="([^"]*)"/g)].map(([, url]) => url)
  ]
  return found
    .filter(url => typeof url === 'string' && /^[a-z+.-]+:|^\/|^\\/i.test(url))
    .map(url => new URL(url, base).href)
}

/** Asserts that a response leads to nowhere but this app, or the client's own redirect URI. */
function staysHome(t: Test, acme: AcmeNotes, response: { headers: object; body: string }, what: string): void {
  const strange = leadsTo(response, acme.origin).filter(
    url => !url.startsWith(`${acme.origin}/`) && !url.startsWith(`${CALLBACK}?`)
  )
  t.strictSame(strange, [], what)
}

t.test('open redirect: every parameter of the authorization request, for a client that exists', async t => {
  const acme = await createAcmeNotes(t, { options: { clients } })
  const client = createOAuthClient({ ...acme, issuer: acme.origin, clientId: 'assistant', redirectUri: CALLBACK })
  const { url } = await client.start({ scope: 'mcp:tools' })
  const names = [...new URL(url).searchParams.keys(), 'prompt', 'login_hint', 'ui_locales', 'display', 'acr_values']
  names.push(
    'max_age',
    'nonce',
    'request',
    'request_uri',
    'returnTo',
    'next',
    'redirect',
    'response_mode',
    'target_link_uri'
  )
  const values = [
    EVIL,
    `//evil.example`,
    `/\\evil.example`,
    `javascript:alert(1)`,
    `${CALLBACK}@evil.example`,
    `${CALLBACK}/..//evil.example`
  ]
  for (const name of names) {
    for (const value of values) {
      const bent = new URL(url)
      bent.searchParams.set(name, value)
      const response = await acme.app.inject({ url: `${bent.pathname}${bent.search}` })
      staysHome(t, acme, response, `${name}=${value}`)
    }
  }
})

t.test('AZ-10: a redirect URI that only looks like the registered one is a page', async t => {
  const acme = await createAcmeNotes(t, { options: { clients } })
  const client = createOAuthClient({ ...acme, issuer: acme.origin, clientId: 'assistant', redirectUri: CALLBACK })
  const { url } = await client.start({ scope: 'mcp:tools' })
  const lookalikes = [
    EVIL,
    'https://client.example.evil.example/callback',
    'https://client.example@evil.example/callback',
    'https://evil.example/?https://client.example/callback',
    'https://client.example/callback/../evil',
    'https://client.example/callback?next=https://evil.example',
    'https://client.example:8443/callback',
    'HTTPS://CLIENT.EXAMPLE/callback',
    'https://client.example/callback#',
    'https://client.example/callback%2f..',
    'http://client.example/callback',
    'javascript:alert(document.domain)//client.example/callback',
    'data:text/html,<script>alert(1)</script>'
  ]
  for (const lookalike of lookalikes) {
    const bent = new URL(url)
    bent.searchParams.set('redirect_uri', lookalike)
    const response = await acme.app.inject({ url: `${bent.pathname}${bent.search}` })
    t.equal(response.statusCode, 400, lookalike)
    t.equal(response.headers.location, undefined)
    t.notMatch(response.body, 'evil', 'and the address is not even on the page, where a person could follow it')
  }
})

t.test('open redirect: headers that name another host change no address', async t => {
  const acme = await createAcmeNotes(t, { options: { clients } })
  const client = createOAuthClient({ ...acme, issuer: acme.origin, clientId: 'assistant', redirectUri: CALLBACK })
  const { url } = await client.start({ scope: 'mcp:tools' })
  const { pathname, search } = new URL(url)
  const headers = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example'
  }
  const begun = await acme.app.inject({ url: `${pathname}${search}`, headers })
  staysHome(t, acme, begun, 'the sign-in')
  t.notMatch(begun.headers.location, 'evil')
  const cookie = `${String(begun.headers['set-cookie']).split(';')[0]}; session=alice.${acme.clock.now()}`
  const page = new URL(
    new URL(String(begun.headers.location), acme.origin).searchParams.get('returnTo') ?? '',
    acme.origin
  )
  const asked = await acme.app.inject({ url: page.pathname, headers: { ...headers, cookie } })
  t.equal(asked.statusCode, 200)
  staysHome(t, acme, asked, 'the question')
  t.notMatch(`${asked.body} ${JSON.stringify(asked.headers)}`, 'evil')
})

t.test('open redirect: fields of the decision, also those that nobody asked for', async t => {
  const acme = await createAcmeNotes(t, { options: { clients } })
  const { app, origin, resource } = acme
  const client = createOAuthClient({
    app,
    resource,
    issuer: origin,
    clientId: 'assistant',
    redirectUri: CALLBACK,
    username: 'alice',
    password: 'x'
  })
  for (const name of ['redirect_uri', 'redirectTo', 'returnTo', 'next', 'state', 'url', 'account', 'organization']) {
    const { url } = await client.start({ scope: 'mcp:tools' })
    const opened = await client.browser.open(url)
    const page = opened.forms.some(form => form.fields.some(({ type }) => type === 'password'))
      ? await client.login(opened)
      : opened
    const [form] = page.forms
    const account = form?.fields.find(field => field.name === 'account')?.value ?? ''
    const response = await app.inject({
      method: 'POST',
      url: new URL(page.url).pathname,
      headers: {
        cookie: client.browser.cookies.header(page.url),
        'content-type': 'application/x-www-form-urlencoded'
      },
      payload: new URLSearchParams([
        ['account', account],
        ['decision', 'deny'],
        [name, EVIL]
      ]).toString()
    })
    staysHome(t, acme, response, name)
  }
})

t.test('open redirect: every parameter of the page for codes of devices, signed in or not', async t => {
  const acme = await createAcmeNotes(t, { options: { clients, deviceAuthorization: {} } })
  for (const cookie of ['', `session=alice.${acme.clock.now()}`])
    for (const name of ['user_code', 'problem', 'finished', 'returnTo', 'next', 'redirect_uri'])
      for (const value of [EVIL, '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
        const query = new URLSearchParams({ [name]: value })
        const response = await acme.app.inject({ url: `/oauth/device?${query}`, headers: { cookie } })
        t.ok(response.statusCode < 500)
        staysHome(t, acme, response, `${name}=${value}`)
        t.notMatch(`${response.headers.location ?? ''} ${response.body}`, 'evil', 'it does not even come back')
      }
})
