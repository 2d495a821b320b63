/** Races between server processes that share nothing but a database. */
import type { OAuthClient } from '@fastify-mcp-auth/testing'
import type { Test } from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { type ServerProcess, startProcess, TEST_KEY } from './running-app.ts'
import { askToken, clientOf, codeGrant, refreshGrant, tryAccessToken } from './token-requests.ts'

async function startPair(
  t: Test,
  databaseUrl: string,
  redisUrl: string
): Promise<{ servers: [ServerProcess, ServerProcess]; client: OAuthClient }> {
  const [first, second] = [await freePort(), await freePort()]
  const shared = {
    PUBLIC_URL: `http://127.0.0.1:${first}`,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    ENCRYPTION_KEY: TEST_KEY
  }
  // Together, so that they also race for the tables and the signing key.
  const servers = await Promise.all([
    startProcess(t, { ...shared, PORT: String(first) }),
    startProcess(t, { ...shared, PORT: String(second) })
  ])
  return { servers, client: clientOf(servers[0].origin) }
}

/** Two server processes on one database: who comes first wins, and what one knows the other knows. */
export async function raceTwoProcesses(t: Test, databaseUrl: string, redisUrl = ''): Promise<void> {
  const { servers, client } = await startPair(t, databaseUrl, redisUrl)
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
  await t.test(
    'RFC 6749 4.1.1: an authorization that one process began is finished by the other, also when the first is killed',
    async t => {
      const began = await client.start()
      const page = await client.browser.open(began.url)
      const answer = await client.authorize()
      const tokens = await client.connect()
      await servers[0].stop('SIGKILL')
      t.equal((await askToken(servers[1], codeGrant(answer))).status, 200, 'a code that was handed out works')
      t.equal((await askToken(servers[1], codeGrant(answer))).body.error, 'invalid_grant', 'once')
      t.equal((await askToken(servers[1], refreshGrant(tokens.refresh_token))).status, 200)
      t.equal(await tryAccessToken(servers[1], tokens.access_token), 200)
      const { pathname, search } = new URL(page.url)
      const again = await client.browser.open(`${servers[1].origin}${pathname}${search}`)
      const buttons = again.forms.flatMap(form => form.buttons)
      t.ok(
        buttons.some(({ name }) => name === 'decision'),
        'the page that was being read is still there'
      )
    }
  )
}
