/** A device without a browser, and the person in front of it. */
import { createBrowser, decide, fetchTransport, signIn } from '@fastify-mcp-auth/testing'
import * as oidc from 'openid-client'
import t, { type Test } from 'tap'
import type { AppOverrides } from '../app.ts'
import { ALICE, listen } from './running-app.ts'
import { tryAccessToken } from './token-requests.ts'

/** Asks every second, so that the tests need not wait. */
const QUICK: AppOverrides = { authorizationServer: { deviceAuthorization: { interval: 1 } } }

async function television(t: Test) {
  const { origin, resource } = await listen(t, QUICK)
  const config = await oidc.discovery(new URL(origin), 'demo-tv', {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests]
  })
  const device = await oidc.initiateDeviceAuthorization(config, { scope: 'mcp:tools notes:read', resource })
  return { origin, config, device, browser: createBrowser(fetchTransport()) }
}

t.test('RFC 8628 3.5: a person who says no leaves the device with nothing', async t => {
  const { config, device, browser } = await television(t)
  const page = await browser.open(String(device.verification_uri_complete))
  const entry = await signIn(browser, page, ALICE)
  await decide(browser, await browser.submit(entry), { decision: 'deny' })
  await t.rejects(oidc.pollDeviceAuthorizationGrant(config, device), { error: 'access_denied' } as never)
})

t.test('RFC 8628 3: the code of a device, typed in by a person, ends in a tool that knows who asks', async t => {
  const { origin, config, device, browser } = await television(t)
  t.equal(device.verification_uri, `${origin}/oauth/device`)
  const entry = await signIn(browser, await browser.open(device.verification_uri), ALICE)
  const consent = await browser.submit(entry, { fields: { user_code: device.user_code } })
  t.match(consent.body, /Demo TV/)
  t.match(consent.body, device.user_code, 'to be compared once more')
  await decide(browser, consent)
  const tokens = await oidc.pollDeviceAuthorizationGrant(config, device)
  t.equal(tokens.scope, 'mcp:tools notes:read')
  t.equal(await tryAccessToken({ origin }, tokens.access_token), 200)
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
  t.equal(await tryAccessToken({ origin }, refreshed.access_token), 200)
})
