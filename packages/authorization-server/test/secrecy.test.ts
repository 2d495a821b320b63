/** Nothing that opens a door is kept, logged, or told to a listener. */
import { randomBytes } from 'node:crypto'
import { type AuthorizationServerEventType, createKeyRing } from '@fastify-mcp-auth/core'
import type { OAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { buildServer, ORIGIN, RESOURCE, type TestServer } from './fixture.ts'

const EVENTS: AuthorizationServerEventType[] = [
  'client.registered',
  'client.authentication_failed',
  'authorization.requested',
  'authorization.approved',
  'authorization.denied',
  'grant.created',
  'grant.revoked',
  'token.issued',
  'token.replayed',
  'token.reused',
  'code.replayed',
  'storage.failed',
  'storage.recovered'
]

// A client that takes its secret for its name.
async function swapped({ app }: TestServer, secret: string): Promise<void> {
  const payload = new URLSearchParams({ grant_type: 'refresh_token', client_id: secret }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  await app.inject({ method: 'POST', url: '/oauth/token', headers, payload })
}

async function reuse(client: OAuthClient): Promise<void> {
  const { refresh_token: old = '' } = await client.connect()
  const { refresh_token: newer = '' } = (await client.refresh(old)).json<Record<string, string>>()
  await client.refresh(newer)
  await client.refresh(old)
}

/** A run with everything in it, good and bad. @returns what must not be found anywhere, by name */
async function wholeRun(t: Test) {
  const server = await buildServer(t)
  const events: string[] = []
  for (const event of EVENTS)
    server.app.authorizationServer.on(event, details => events.push(`${event} ${JSON.stringify(details)}`))
  const client = server.client()
  const registration = (await client.register({ token_endpoint_auth_method: 'client_secret_basic' })).json()
  const answer = await client.authorize({ scope: 'notes:read notes:write' })
  await client.redeem(answer, { code_verifier: 'x'.repeat(43) })
  const first = (await client.redeem(answer)).json<Record<string, string>>()
  const second = (await client.refresh(first['refresh_token'] ?? '')).json<Record<string, string>>()
  await client.refresh(first['refresh_token'] ?? '')
  await client.refresh(second['refresh_token'] ?? '', { client_secret: 'wrong' })
  await client.revoke(second['access_token'] ?? '')
  await client.refresh(second['refresh_token'] ?? '')
  await client.redeem(answer)
  await reuse(client)
  await swapped(server, String(registration['client_secret']))
  await client.authorize({ decision: 'deny' })
  const page = await client.browser.open((await client.start()).url)
  server.storage.goDown()
  await client.refresh(second['refresh_token'] ?? '')
  server.storage.comeBack()
  server.accounts.failure = new Error('user database down')
  const last = await server
    .client()
    .authorize()
    .catch(() => null)
  t.equal(last, null)
  const cookies = client.browser.cookies.header(`${ORIGIN}/oauth/`)
  const secrets = {
    client_secret: String(registration['client_secret']),
    code: answer.code ?? '',
    'secret of the code': answer.code?.split('.')[1] ?? '',
    code_verifier: answer.codeVerifier,
    access_token: first['access_token'] ?? '',
    'signature of the access_token': first['access_token']?.split('.')[2] ?? '',
    'second access_token': second['access_token'] ?? '',
    refresh_token: first['refresh_token'] ?? '',
    'secret of the refresh_token': first['refresh_token']?.split('.')[2] ?? '',
    'family of the refresh_token': first['refresh_token']?.split('.')[1] ?? '',
    'second refresh_token': second['refresh_token'] ?? '',
    cookie: /mcp-browser=([\w-]{43})/.exec(cookies)?.[1] ?? '',
    'proof of the account': page.forms[0]?.fields.find(({ name }) => name === 'account')?.value ?? ''
  }
  for (const [name, value] of Object.entries(secrets)) t.ok(value.length >= 22, `there is a ${name}`)
  const handle = new URL(page.url).pathname.split('/').at(-1) ?? ''
  return { server, events, secrets, handle }
}

t.test('GEN-6: after a whole run the storage holds digests and ciphertext only', async t => {
  const { server, secrets, handle } = await wholeRun(t)
  const dump = await server.storage.dump()
  for (const [name, value] of Object.entries({ ...secrets, handle }))
    t.equal(dump.includes(value), false, `no ${name} is stored`)
})

t.test('GEN-6: the log of a whole run, at trace, has no secret in it', async t => {
  const { server, secrets } = await wholeRun(t)
  const log = server.log.join('')
  t.ok(server.log.length > 30 && log.includes('"level":50'), 'the log is there, failures included')
  for (const [name, value] of Object.entries(secrets)) t.equal(log.includes(value), false, `no ${name} is logged`)
})

t.test('GEN-6: events say what happened to whom, and carry no secret', async t => {
  const { events, secrets, handle } = await wholeRun(t)
  const text = events.join('\n')
  for (const event of EVENTS) t.match(text, event)
  for (const [name, value] of Object.entries({ ...secrets, handle }))
    t.equal(text.includes(value), false, `no ${name} is told`)
})

t.test(
  'GEN-6: the response kept for a retry opens with the encryption key and the old token together only',
  async t => {
    const key = randomBytes(32).toString('base64')
    const server = await buildServer(t, { options: { encryptionKeys: [key] } })
    const client = server.client()
    const { refresh_token: token = '' } = await client.connect()
    const response = await client.refresh(token)
    const stored = async () =>
      JSON.parse(await server.storage.dump()).find(({ name }: { name: string }) => name === 'grants').record
    const [grantId, , secret] = token.split('.')
    const { unseal } = createKeyRing([key])
    const { replay, previousDigest, refreshDigest, familyDigest } = await stored()
    t.equal(unseal(replay, `replay ${grantId} ${secret} ${RESOURCE} `), response.body, 'this is how it opens')
    for (const guess of ['', previousDigest, refreshDigest, familyDigest])
      for (const context of [`replay ${grantId} ${guess} ${RESOURCE} `, `replay ${grantId} ${guess} `])
        t.equal(unseal(replay, context), null, context)
    await client.revoke(token)
    t.match(await stored(), { replay: null, replayUntil: null }, 'and it is gone when the grant is')
  }
)
