/** Sign-out that a client asks for: the session of the browser ends, what was allowed to apps does not. */
import { type Browser, createBrowser, fetchTransport, visitAuthorization } from '@fastify-mcp-auth/testing'
import * as oidc from 'openid-client'
import t, { type Test } from 'tap'
import { ALICE, listen } from './running-app.ts'

const redirect_uri = 'http://127.0.0.1:49152/callback'

async function signedIn(t: Test) {
  const { origin } = await listen(t)
  const config = await oidc.discovery(new URL(origin), 'demo-cli', {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests]
  })
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const expectedState = oidc.randomState()
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: 'openid profile mcp:tools',
    state: expectedState,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256'
  })
  const browser = createBrowser(fetchTransport())
  const page = await visitAuthorization(browser, url.href, ALICE)
  const tokens = await oidc.authorizationCodeGrant(config, new URL(page.leavesTo ?? ''), {
    pkceCodeVerifier,
    expectedState,
    idTokenExpected: true
  })
  return { origin, config, browser, tokens }
}

const isSignedIn = async (browser: Browser, origin: string) =>
  (await browser.open(`${origin}/`)).body.includes('You are signed in')

t.test('OpenID Connect RP-Initiated Logout 1.0: without an ID token of theirs a person is asked', async t => {
  const { origin, config, browser } = await signedIn(t)
  const page = await browser.open(oidc.buildEndSessionUrl(config).href)
  t.equal(await isSignedIn(browser, origin), true)
  await browser.submit(page, { button: { name: 'decision', value: 'sign_out' } })
  t.equal(await isSignedIn(browser, origin), false)
})

t.test(
  'OpenID Connect RP-Initiated Logout 1.0: with one they are signed out, and their apps stay connected',
  async t => {
    const { origin, config, browser, tokens } = await signedIn(t)
    const sub = tokens.claims()?.sub ?? ''
    t.match(await oidc.fetchUserInfo(config, tokens.access_token, sub), { name: 'Alice Liddell' })
    t.equal(await isSignedIn(browser, origin), true)
    const hint = { id_token_hint: tokens.id_token ?? '' }
    const url = oidc.buildEndSessionUrl(config, {
      ...hint,
      post_logout_redirect_uri: `${origin}/`,
      state: 'of the client'
    })
    const page = await browser.open(url.href)
    t.equal(new URL(page.url).origin, origin)
    t.equal(await isSignedIn(browser, origin), false)
    t.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token)
  }
)
