/** What is told, to whom, and in which request. That nothing secret is in it: `secrecy.test.ts`. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AuthorizationServerEvent } from '@fastify-mcp-auth/core'
import t, { type Test } from 'tap'
import { EVENTS_CHANNEL } from '../src/index.ts'
import { type BuildOptions, buildServer, ORIGIN } from './fixture.ts'

async function audited(t: Test, build: BuildOptions = {}) {
  const events: AuthorizationServerEvent[] = []
  const server = await buildServer(t, {
    ...build,
    options: { onEvent: event => events.push(event), ...build.options }
  })
  const types = () => events.splice(0).map(({ type }) => type)
  return { ...server, events, types }
}

t.test('EM-13: the way of a client is told step by step, each step once', async t => {
  const { client, events, types } = await audited(t)
  t.match(events, [{ type: 'key.created', alg: 'ES256', requestId: null }])
  types()
  const one = client()
  await one.register()
  t.strictSame(types(), ['client.registered'])
  const answer = await one.authorize({ scope: 'notes:read' })
  t.match(events, [
    { type: 'authorization.requested', scopes: ['notes:read'] },
    { type: 'authorization.approved', subject: 'sub-alice', scopes: ['notes:read'] },
    { type: 'grant.created', subject: 'sub-alice' }
  ])
  const [, approved, created] = events as { grantId?: string }[]
  t.equal(approved?.grantId, created?.grantId)
  t.strictSame(types().length, 3)
  const tokens = (await one.redeem(answer)).json<{ refresh_token?: string }>()
  t.match(events, [{ type: 'token.issued', grantType: 'authorization_code', grantId: created?.grantId }])
  types()
  await one.refresh(tokens.refresh_token ?? '')
  t.match(events, [{ type: 'token.issued', grantType: 'refresh_token', resource: `${ORIGIN}/mcp` }])
  types()
  await one.refresh(tokens.refresh_token ?? '')
  t.strictSame(types(), ['token.replayed'])
  await one.redeem(answer)
  t.match(events, [{ type: 'code.replayed' }, { type: 'grant.revoked', reason: 'code_replayed' }])
  types()
  await one.refresh(tokens.refresh_token ?? '')
  t.strictSame(types(), [], 'nothing happens to a grant that ended before')
})

t.test('TK-2: a reused refresh token is told, and so is that its grant ended', async t => {
  const { client, events, clock, types } = await audited(t)
  const one = client()
  const { refresh_token: token = '' } = await one.connect()
  await one.refresh(token)
  clock.advance(61)
  types()
  await one.refresh(token)
  t.match(events, [
    { type: 'token.reused', subject: 'sub-alice' },
    { type: 'grant.revoked', reason: 'refresh_token_reused' }
  ])
})

t.test('EM-13: whoever fails to prove to be a client is told of, and what an unknown one says is not', async t => {
  const { client, app, events, types } = await audited(t)
  const one = client()
  const { client_id: clientId } = (await one.register({ token_endpoint_auth_method: 'client_secret_basic' })).json<{
    client_id: string
  }>()
  types()
  const post = async (form: Record<string, string>, authorization?: string): Promise<object> => {
    await app.inject({
      method: 'POST',
      url: '/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...(authorization ? { authorization } : {}) },
      payload: new URLSearchParams({ grant_type: 'refresh_token', ...form }).toString()
    })
    const [event, ...others] = events.splice(0)
    t.strictSame(others, [])
    return event ?? { type: 'nothing' }
  }
  t.match(
    await post({ client_id: clientId, client_secret: 'x' }, 'Basic eDp4'),
    { type: 'nothing' },
    'who said too much'
  )
  t.match(await post({ client_id: clientId, client_secret: 'x' }), {
    type: 'client.authentication_failed',
    clientId,
    reason: 'wrong_secret'
  })
  const basic = `Basic ${Buffer.from(`${clientId}:x`).toString('base64')}`
  t.match(await post({}, basic), { clientId, reason: 'wrong_secret' })
  t.match(await post({ client_id: 'nobody' }), { clientId: null, reason: 'unknown_client' })
  t.match(await post({}, 'Bearer x'), { clientId: null, reason: 'malformed_authorization' })
})

t.test('a request that is refused by redirect, and one that a person refuses', async t => {
  const { client, events, types } = await audited(t)
  const one = client()
  await one.register()
  types()
  await one.browser.open((await one.start({ scope: 'unknown' })).url)
  t.match(events, [{ type: 'authorization.refused', error: 'invalid_scope' }])
  types()
  await one.authorize({ decision: 'deny' })
  t.strictSame(types(), ['authorization.requested', 'authorization.denied'])
})

t.test('a double click is one approval', async t => {
  const { client, types } = await audited(t)
  const one = client()
  const page = await one.login(await one.browser.open((await one.start()).url))
  types()
  await Promise.all([one.decide(page), one.decide(page)])
  t.strictSame(types(), ['authorization.approved', 'grant.created'])
})

t.test('EM-13: who asks too often is told of, by the network that is counted', async t => {
  const { app, events, types } = await audited(t, { options: { rateLimit: { token: 1 } } })
  types()
  for (let i = 0; i < 3; i++)
    await app.inject({ method: 'POST', url: '/oauth/token', remoteAddress: `2001:db8:1:2::${i}` })
  const limited = events.filter(({ type }) => type === 'request.limited')
  t.equal(limited.length, 2)
  t.match(limited[0], { requestId: /^req-/, address: /^2001:0*db8:0*1:0*2/ })
})

t.test('an outage of the storage is told once when it begins and once when it is over', async t => {
  const { app, storage, types, events } = await audited(t)
  const { grants } = app.authorizationServer
  types()
  storage.goDown()
  for (let i = 0; i < 3; i++) await t.rejects(grants.list('x'), { code: 'FST_OAUTH_UNAVAILABLE' })
  t.match(events, [{ type: 'storage.failed', collection: 'grants', operation: 'list', requestId: null }])
  storage.comeBack()
  for (let i = 0; i < 3; i++) await grants.list('x')
  t.strictSame(types(), ['storage.failed', 'storage.recovered'])
})

t.test(
  'an event carries the id of its request, also where requests overlap, and the log line is of that request',
  async t => {
    const { client, events, log } = await audited(t)
    const clients = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const one = client()
        await one.register()
        return one
      })
    )
    const answers = await Promise.all(clients.map(one => one.authorize()))
    events.splice(0)
    log.splice(0)
    await Promise.all(clients.map((one, i) => one.redeem(answers[i] ?? never())))
    const ids = events.map(({ requestId }) => requestId)
    t.equal(new Set(ids).size, 5)
    t.notOk(ids.includes(null))
    const lines = log.map(line => JSON.parse(line)).filter(({ event }) => event?.type === 'token.issued')
    t.strictSame(
      lines.map(({ reqId, event }) => [reqId, event.requestId]),
      ids.map(id => [id, id])
    )
    t.match(lines[0], { level: 30, msg: 'mcp-auth: token.issued', event: { issuer: ORIGIN, at: 1_800_000_000 } })
  }
)

t.test('EM-13: every step of a client and of a person names the request that it was taken in', async t => {
  const { app, client, events, types } = await audited(t)
  types()
  const one = client()
  const { client_id: clientId, registration_access_token: token } = (await one.register()).json<
    Record<string, string>
  >()
  await one.authorize({ decision: 'deny' })
  await one.browser.open((await one.start({ scope: 'unknown' })).url)
  const { refresh_token: refreshToken = '' } = (await one.redeem(await one.authorize())).json<Record<string, string>>()
  await one.refresh(refreshToken)
  await app.inject({
    method: 'POST',
    url: '/oauth/revoke',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({ token: refreshToken, client_id: clientId ?? '' }).toString()
  })
  await app.inject({
    method: 'DELETE',
    url: `/oauth/register/${clientId}`,
    headers: { authorization: `Bearer ${token}` }
  })
  t.strictSame(
    events.filter(({ requestId }) => requestId === null).map(({ type }) => type),
    [],
    'none is of nobody'
  )
  t.strictSame(
    new Set(types()),
    new Set([
      'client.registered',
      'authorization.requested',
      'authorization.denied',
      'authorization.refused',
      'authorization.approved',
      'grant.created',
      'token.issued',
      'grant.revoked',
      'client.removed'
    ])
  )
})

const never = (): never => {
  throw new Error('no answer')
}

t.test('listeners, the sink and the channel hear the same frozen event; one that left hears nothing', async t => {
  const { app, client, events } = await audited(t)
  const published: unknown[] = []
  const subscriber = (message: unknown): void => void published.push(message)
  subscribe(EVENTS_CHANNEL, subscriber)
  t.teardown(() => unsubscribe(EVENTS_CHANNEL, subscriber))
  const heard: unknown[] = []
  const leave = app.authorizationServer.on('grant.created', event => heard.push(event))
  await client().connect()
  const told = events.find(({ type }) => type === 'grant.created')
  t.equal(heard[0], told)
  t.ok(published.includes(told))
  t.ok(Object.isFrozen(told))
  t.throws(() => (told as unknown as { scopes: string[] }).scopes.push('notes:admin'), TypeError)
  leave()
  await client().connect()
  t.equal(heard.length, 1)
})

t.test('a sink that throws or rejects costs no client its token', async t => {
  const { client, log } = await audited(t, {
    options: {
      onEvent(event) {
        if (event.type === 'token.issued') throw new Error('sync')
        return Promise.reject(new Error('async'))
      }
    }
  })
  t.match(await client().connect(), { access_token: /./ })
  await new Promise(setImmediate)
  t.ok(log.some(line => line.includes('a listener failed') && line.includes('token.issued')))
  t.ok(log.some(line => line.includes('a listener failed') && line.includes('grant.created')))
})
