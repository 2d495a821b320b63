/**
 * How often a request asks the database, counted where statements leave the process: that is what makes a request slow once the database
 * is on another machine. The guide to storage states these numbers.
 */
import { randomBytes } from 'node:crypto'
import { digest, type StorageDriver } from '@fastify-mcp-auth/core'
import { assertingIssuer, createTestIssuer } from '@fastify-mcp-auth/testing'
import type { Test } from 'tap'
import { JWT_BEARER } from '../src/assertions/trusted-issuers.ts'
import { poll, post, startDevice, TV } from './devices.ts'
import { buildServer, ORIGIN, openSignedIn, RESOURCE, type TestServer } from './fixture.ts'
import { observableStorage } from './observable-storage.ts'

/** A driver, and how many statements, scripts or commands it has sent so far. */
export interface Counted {
  readonly storage: StorageDriver
  sent(): number
}

const SECRET = 'secret-of-the-resource-server'

export async function roundTrips(t: Test, { storage, sent }: Counted): Promise<void> {
  const rs = { client_id: 'rs', client_name: 'rs', client_secret_digest: digest(SECRET), introspects: [RESOURCE] }
  const { introspects: _, ...confidential } = rs
  const job = { ...confidential, client_id: 'job', client_credentials: { [RESOURCE]: ['notes:read'] } }
  const idp = await createTestIssuer({ clock: { now: () => server.clock.now() } })
  const says = assertingIssuer(idp)
  const trusted = says.trusted({ [RESOURCE]: ['notes:read'] })
  const jwks = (await idp.jwks()) as { keys: Record<string, unknown>[] }
  const server: TestServer = await buildServer(t, {
    storage: observableStorage(storage),
    users: { find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null) },
    options: {
      encryptionKeys: [randomBytes(32).toString('base64')],
      clients: [rs, TV, job, { ...confidential, client_id: 'agent', grant_types: [JWT_BEARER] }],
      deviceAuthorization: {},
      jwtBearer: {
        identityProviders: trusted.identityProviders.map(one => ({ ...one, jwks })),
        workloadIssuers: trusted.workloadIssuers.map(one => ({ ...one, jwks }))
      }
    }
  })
  const client = server.client()
  async function costs<T>(times: number, what: string, act: () => Promise<T>): Promise<T> {
    const before = sent()
    const result = await act()
    t.equal(sent() - before, times, `${what}: ${times}`)
    return result
  }
  const introspect = (token: string) =>
    server.app.inject({
      method: 'POST',
      url: '/oauth/introspect',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`rs:${SECRET}`).toString('base64')}`
      },
      payload: new URLSearchParams({ token }).toString()
    })

  await costs(1, 'registration', () => client.register())
  // With the login in between, so that the interaction is looked at twice.
  const { url } = await client.start()
  await openSignedIn(client, url)
  const started = await client.start()
  const page = await costs(4, 'authorization request and its page', () => client.browser.open(started.url))
  await costs(10, 'decision', () => client.decide(page))

  const answer = await client.authorize()
  const redeemed = await costs(3, 'redemption of a code', () => client.redeem(answer))
  t.equal(redeemed.statusCode, 200)
  const tokens = redeemed.json<{ access_token: string; refresh_token: string }>()
  const { authorizationServer } = server.app
  await costs(1, 'check of a token in this process', () =>
    authorizationServer.verifyAccessToken(tokens.access_token, RESOURCE)
  )
  t.equal((await costs(1, 'introspection', () => introspect(tokens.access_token))).json().active, true)
  const refreshed = await costs(3, 'refresh', () => client.refresh(tokens.refresh_token))
  t.equal(refreshed.statusCode, 200)
  const again = await costs(3, 'the same refresh once more', () => client.refresh(tokens.refresh_token))
  t.equal(again.body, refreshed.body)
  const { refresh_token: last } = refreshed.json<{ refresh_token: string }>()
  t.equal((await costs(6, 'revocation', () => client.revoke(last))).statusCode, 200)
  t.equal(
    (await costs(1, 'introspection of what was revoked', () => introspect(tokens.access_token))).json().active,
    false
  )
  const device = await costs(1, 'device authorization', () => startDevice(server))
  await openSignedIn(client, device.verification_uri)
  const entry = await client.browser.open(device.verification_uri_complete)
  const consent = await costs(4, 'code of a device and the page that follows', () => client.browser.submit(entry))
  await costs(2, 'a question of a device that waits', () => poll(server, device))
  await costs(8, 'decision for a device', () => client.decide(consent))
  t.equal((await costs(3, 'redemption by a device', () => poll(server, device))).statusCode, 200)
  const own = await costs(3, 'a token of a client in its own name', () =>
    post(server, 'token', { grant_type: 'client_credentials', client_id: 'job', client_secret: SECRET })
  )
  t.equal(own.statusCode, 200)
  const person = await says.idJag({ subject: 'alice', audience: ORIGIN, clientId: 'agent', resource: RESOURCE })
  for (const [times, what, form] of [
    [4, 'an assertion for a person', { client_id: 'agent', client_secret: SECRET, assertion: person }],
    [5, 'an assertion for a workload', { assertion: await says.workload({ audience: ORIGIN }) }]
  ] as const) {
    const bought = await costs(times, what, () => post(server, 'token', { grant_type: JWT_BEARER, ...form }))
    t.equal(bought.statusCode, 200)
  }
  await costs(0, 'an invented token', () => introspect('invented'))
  await costs(0, 'metadata and keys', async () => {
    await server.app.inject('/.well-known/oauth-authorization-server')
    await server.app.inject('/.well-known/jwks.json')
  })
}
