/** Two server processes on one SQLite file, and one that is killed in the middle of its work. */
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import t, { type Test } from 'tap'
import { ALICE, dataFolder, freePort, type ServerProcess, startProcess, TEST_KEY } from './running-app.ts'

interface TokenAnswer {
  status: number
  body: { access_token?: string; refresh_token?: string; error?: string }
}

function clientOf(origin: string): OAuthClient {
  return createOAuthClient({ resource: `${origin}/mcp`, clientId: 'demo-cli', ...ALICE })
}

/** Asks one server process, whatever its public address is. */
async function askToken(server: ServerProcess, parameters: Record<string, string>): Promise<TokenAnswer> {
  const body = new URLSearchParams({ client_id: 'demo-cli', ...parameters })
  const response = await fetch(`${server.origin}/oauth/token`, { method: 'POST', body })
  return { status: response.status, body: (await response.json()) as TokenAnswer['body'] }
}

function codeGrant(answer: { code: string | null; codeVerifier: string; redirectUri: string }): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code: answer.code ?? '',
    code_verifier: answer.codeVerifier,
    redirect_uri: answer.redirectUri
  }
}

function refreshGrant(refreshToken: string | undefined): Record<string, string> {
  return { grant_type: 'refresh_token', refresh_token: refreshToken ?? '' }
}

/** 200 when the resource lets the token through. */
async function tryAccessToken(server: ServerProcess, accessToken: string | undefined): Promise<number> {
  const response = await fetch(`${server.origin}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  })
  await response.body?.cancel()
  return response.status
}

async function startPair(t: Test): Promise<{ servers: [ServerProcess, ServerProcess]; client: OAuthClient }> {
  const folder = dataFolder(t)
  const [first, second] = [await freePort(), await freePort()]
  const shared = {
    PUBLIC_URL: `http://127.0.0.1:${first}`,
    DATABASE_URL: `sqlite:${folder}/notes.sqlite`,
    ENCRYPTION_KEY: TEST_KEY
  }
  // Together, so that they also race for the tables and the signing key.
  const servers = await Promise.all([
    startProcess(t, { ...shared, PORT: String(first) }),
    startProcess(t, { ...shared, PORT: String(second) })
  ])
  return { servers, client: clientOf(servers[0].origin) }
}

t.test('two processes on one SQLite file', async t => {
  const { servers, client } = await startPair(t)
  const everywhere = <T>(count: number, ask: (server: ServerProcess) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => ask(servers[index % 2 === 0 ? 0 : 1])))

  await t.test('RFC 6749 4.1.2: of 40 parallel redemptions of one code exactly one wins', async t => {
    const answer = await client.authorize()
    const answers = await everywhere(40, server => askToken(server, codeGrant(answer)))
    const won = answers.filter(({ status }) => status === 200)
    t.equal(won.length, 1)
    t.equal(answers.filter(({ status, body }) => status === 400 && body.error === 'invalid_grant').length, 39)
    // Whoever redeemed it twice may be a thief: what it had bought ends too.
    const [winner] = won
    t.equal((await askToken(servers[1], refreshGrant(winner?.body.refresh_token))).body.error, 'invalid_grant')
    t.equal(await tryAccessToken(servers[0], winner?.body.access_token), 401)
  })

  await t.test('10 parallel refreshes of one token all get the same response', async t => {
    const tokens = await client.connect()
    const answers = await everywhere(10, server => askToken(server, refreshGrant(tokens.refresh_token)))
    t.strictSame(
      answers.map(({ status }) => status),
      Array(10).fill(200)
    )
    t.equal(new Set(answers.map(({ body }) => `${body.access_token} ${body.refresh_token}`)).size, 1)
    const [first] = answers
    t.not(first?.body.refresh_token, tokens.refresh_token)
    t.equal(await tryAccessToken(servers[1], first?.body.access_token), 200)
  })

  await t.test('a token of one process is good at the other, and revoked at both', async t => {
    const tokens = await client.connect()
    t.equal(await tryAccessToken(servers[1], tokens.access_token), 200)
    t.equal((await client.revoke(tokens.refresh_token ?? '')).statusCode, 200)
    t.equal(await tryAccessToken(servers[1], tokens.access_token), 401)
  })
})

interface Ledger {
  /** Codes whose redemption was answered. */
  readonly redeemed: Record<string, string>[]
  /** Codes that were handed out, but whose redemption never got an answer. */
  readonly unanswered: Record<string, string>[]
  /** The last tokens of each grant that reached the client. */
  readonly grants: { accessToken: string | undefined; refreshToken: string | undefined }[]
}

/** Authorizes, redeems and refreshes without end; returns when the server does not answer any more. */
async function work(server: ServerProcess, client: OAuthClient, ledger: Ledger, onToken: () => void): Promise<void> {
  for (;;) {
    const answer = await client.authorize().catch(() => null)
    if (!answer) return
    const request = codeGrant(answer)
    const first = await askToken(server, request).catch(() => null)
    ledger[first ? 'redeemed' : 'unanswered'].push(request)
    if (!first) return
    const grant = { accessToken: first.body.access_token, refreshToken: first.body.refresh_token }
    ledger.grants.push(grant)
    onToken()
    for (let round = 0; round < 3; round++) {
      const next = await askToken(server, refreshGrant(grant.refreshToken)).catch(() => null)
      if (!next) return
      grant.accessToken = next.body.access_token
      grant.refreshToken = next.body.refresh_token
      onToken()
    }
  }
}

t.test('killed in the middle of its work: no token that was handed out is lost, no code works twice', async t => {
  const folder = dataFolder(t)
  const environment = {
    PORT: String(await freePort()),
    DATABASE_URL: `sqlite:${folder}/notes.sqlite`,
    ENCRYPTION_KEY: TEST_KEY
  }
  const first = await startProcess(t, environment)
  const clients = Array.from({ length: 5 }, () => clientOf(first.origin))
  for (const client of clients) await client.authorize()

  const ledger: Ledger = { redeemed: [], unanswered: [], grants: [] }
  let tokens = 0
  const onToken = (): void => {
    tokens += 1
    if (tokens === 40) first.process.kill('SIGKILL')
  }
  await Promise.all(clients.map(client => work(first, client, ledger, onToken)))
  await first.stop('SIGKILL')
  t.ok(ledger.grants.length >= 5, 'every client had got tokens')

  const second = await startProcess(t, environment)
  for (const { accessToken, refreshToken } of ledger.grants) {
    t.equal(await tryAccessToken(second, accessToken), 200, 'the access token works')
    t.equal((await askToken(second, refreshGrant(refreshToken))).status, 200, 'the refresh token works')
  }
  for (const request of ledger.redeemed)
    t.equal((await askToken(second, request)).body.error, 'invalid_grant', 'a code that was redeemed works no more')
  for (const request of ledger.unanswered) {
    await askToken(second, request)
    t.equal((await askToken(second, request)).body.error, 'invalid_grant', 'a code works once at most')
  }
})
