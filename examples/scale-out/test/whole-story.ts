/** Everything that clients do, through the balancer, at processes of which any may be killed. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser, fetchTransport, visitAuthorization } from '@fastify-mcp-auth/testing'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { createHeadlessProvider } from 'example-all-in-one/headless-provider.ts'
import { ALICE, BARE_ENVIRONMENT, TEST_KEY } from 'example-all-in-one/test/running-app.ts'
import { askToken, clientOf, codeGrant, refreshGrant, tryAccessToken } from 'example-all-in-one/test/token-requests.ts'
import * as oidc from 'openid-client'
import type { Test } from 'tap'
import { type Cluster, startCluster } from '../cluster.ts'
import type { Engine } from './engines.ts'
import { newLedger, work } from './ledger.ts'

export async function clusterOn(t: Test, engine: Engine, processes = 2): Promise<Cluster & { lines: string[] }> {
  const lines: string[] = []
  const cluster = await startCluster({
    processes,
    host: '127.0.0.1',
    port: 0,
    environment: { ...BARE_ENVIRONMENT, ...engine, ENCRYPTION_KEY: TEST_KEY },
    log: line => lines.push(line)
  })
  t.teardown(() => cluster.close())
  return { ...cluster, lines }
}

/** @param place what the processes share; fresh */
export async function tellWholeStory(t: Test, place: (t: Test) => Promise<Engine>): Promise<void> {
  const cluster = await clusterOn(t, await place(t))
  const server = { origin: cluster.origin }

  await t.test('the official client, from a 401 to a tool call, a step-up and a refresh', t =>
    officialClient(t, cluster)
  )
  await t.test('openid-client: code with PKCE, refresh, revocation', t => openidClient(t, cluster))

  await t.test('RFC 6749 4.1.2: of 40 parallel redemptions of one code exactly one wins', async t => {
    const request = codeGrant(await clientOf(cluster.origin).authorize())
    const answers = await Promise.all(Array.from({ length: 40 }, () => askToken(server, request)))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    t.equal(answers.filter(({ status, body }) => status === 400 && body.error === 'invalid_grant').length, 39)
  })

  await t.test('10 parallel refreshes of one token all get the same response', async t => {
    const tokens = await clientOf(cluster.origin).connect()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => askToken(server, refreshGrant(tokens.refresh_token)))
    )
    t.equal(new Set(answers.map(({ status, body }) => `${status} ${body.access_token} ${body.refresh_token}`)).size, 1)
    t.equal(answers[0]?.status, 200)
  })

  await t.test('killed again and again: nothing that was handed out is lost, nothing works twice', t =>
    killed(t, cluster)
  )
}

async function officialClient(t: Test, { origin }: Cluster): Promise<void> {
  const resource = new URL(`${origin}/mcp`)
  const provider = createHeadlessProvider({
    ...ALICE,
    scopes: ['mcp:tools', 'notes:read', 'notes:write', 'notes:admin']
  })
  const client = new Client({ name: 'v2', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
  let transport = new StreamableHTTPClientTransport(resource, { authProvider: provider })
  await t.rejects(client.connect(transport), UnauthorizedError)
  await transport.finishAuth(provider.answer())
  transport = new StreamableHTTPClientTransport(resource, { authProvider: provider })
  await client.connect(transport)
  t.teardown(() => client.close())
  const call = async (name: string): Promise<string> => {
    const { content } = await client.callTool({ name, arguments: {} })
    const [first] = content
    return first?.type === 'text' ? first.text : ''
  }
  t.match(await call('whoami'), /alice/)
  await t.rejects(call('delete_all_notes'), UnauthorizedError)
  await transport.finishAuth(provider.answer())
  t.match(await call('delete_all_notes'), /Deleted/)
  provider.replaceTokens(tokens => ({ ...tokens, access_token: 'expired' }))
  t.match(await call('whoami'), /alice/)
  t.equal(provider.requests.length, 2, 'nobody was asked once more')
}

const redirectUri = 'http://127.0.0.1:49152/callback'

async function openidClient(t: Test, { origin }: Cluster): Promise<void> {
  const resource = `${origin}/mcp`
  const insecure = { algorithm: 'oauth2' as const, execute: [oidc.allowInsecureRequests] }
  const config = await oidc.discovery(new URL(origin), 'demo-cli', {}, oidc.None(), insecure)
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const expectedState = oidc.randomState()
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'mcp:tools',
    resource,
    state: expectedState,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256'
  })
  const page = await visitAuthorization(createBrowser(fetchTransport()), url.href, ALICE)
  const callback = new URL(page.leavesTo ?? '')
  const first = await oidc.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState }, { resource })
  const second = await oidc.refreshTokenGrant(config, first.refresh_token ?? '', { resource })
  t.equal(await tryAccessToken({ origin }, second.access_token), 200)
  await oidc.tokenRevocation(config, second.refresh_token ?? '')
  for (let time = 0; time < 6; time++) t.equal(await tryAccessToken({ origin }, second.access_token), 401)
}

const CLIENTS = 6
const WORK_MS = 7000
const PAUSE_MS = 600

async function killed(t: Test, cluster: Cluster): Promise<void> {
  const ledger = newLedger()
  const until = Date.now() + WORK_MS
  const workers = Promise.all(Array.from({ length: CLIENTS }, () => work(cluster.origin, ledger, until)))
  let kills = 0
  while (Date.now() < until) {
    await sleep(PAUSE_MS)
    // One is left, as in a deployment where one machine goes.
    const running = cluster.running()
    const victim = running[Math.floor(Math.random() * running.length)]
    if (running.length < 2 || !victim) continue
    victim.child.kill('SIGKILL')
    await once(victim.child, 'exit')
    kills++
  }
  await workers
  const { redeemed, unanswered, grants, wrong, cuts } = ledger
  t.comment(
    `${kills} kills, ${redeemed.length} codes, ${grants.length} grants, ${unanswered.length} answers lost, ${cuts} requests cut`
  )
  t.ok(kills > 0 && grants.length >= CLIENTS, 'there was work, and it was disturbed')
  t.strictSame(wrong, [], 'no answer was wrong')
  await settled(cluster)

  const server = { origin: cluster.origin }
  const verdicts = { lost: 0, alive: 0, twice: 0 }
  for (const { accessToken, refreshToken, revoked } of grants) {
    const access = await tryAccessToken(server, accessToken)
    const refresh = (await askToken(server, refreshGrant(refreshToken))).status
    if (revoked && (access !== 401 || refresh !== 400)) verdicts.alive++
    if (!revoked && (access !== 200 || refresh !== 200)) verdicts.lost++
  }
  for (const request of redeemed) if ((await askToken(server, request)).status === 200) verdicts.twice++
  for (const request of unanswered) {
    await askToken(server, request)
    if ((await askToken(server, request)).status === 200) verdicts.twice++
  }
  t.strictSame(verdicts, { lost: 0, alive: 0, twice: 0 })
}

/** Waits for the processes that were started again. */
async function settled(cluster: Cluster): Promise<void> {
  while (cluster.running().length < 2) await sleep(50)
}
