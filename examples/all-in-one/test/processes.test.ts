/** Two server processes on one SQLite file, and one that is killed in the middle of its work. */
import type { OAuthClient } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { dataFolder, type ServerProcess, startProcess, TEST_KEY } from './running-app.ts'
import { askToken, clientOf, codeGrant, refreshGrant, tryAccessToken } from './token-requests.ts'
import { raceTwoProcesses } from './two-processes.ts'

t.test('two processes on one SQLite file', async t => {
  await raceTwoProcesses(t, `sqlite:${dataFolder(t)}/notes.sqlite`)
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
