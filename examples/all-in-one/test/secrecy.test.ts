/** What a whole run leaves behind in the log and in the database: nothing that would open a door. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createOAuthClient, injectTransport } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { ALICE, createApp, dataFolder } from './running-app.ts'

t.test(
  'GEN-6: neither the log at trace nor the database holds a token, code, secret, verifier or cookie value',
  async t => {
    const folder = dataFolder(t)
    const log: string[] = []
    const logger = { level: 'trace', stream: { write: (line: string) => void log.push(line) } }
    const { app, resource } = await createApp(t, { DATABASE_URL: `sqlite:${folder}/notes.sqlite` }, { logger })
    const client = createOAuthClient({ app, resource, ...ALICE })
    const secrets = new Map<string, string>([['password', ALICE.password]])

    const answer = await client.authorize({ scope: 'mcp:tools notes:write' })
    const tokens = (await client.redeem(answer)).json<{ access_token: string; refresh_token: string }>()
    secrets.set('code', answer.code ?? '').set('verifier', answer.codeVerifier)
    secrets.set('access token', tokens.access_token).set('refresh token', tokens.refresh_token)
    const call = (accessToken: string, name: string) =>
      injectTransport(app)({
        method: 'POST',
        url: resource,
        headers: {
          authorization: `Bearer ${accessToken}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream'
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name, arguments: { text: 'milk' } }
        })
      })
    t.equal((await call(tokens.access_token, 'add_note')).statusCode, 200)
    t.equal((await call(tokens.access_token, 'delete_all_notes')).statusCode, 403)
    t.equal((await call(`${tokens.access_token}x`, 'whoami')).statusCode, 401)

    const refreshed = (await client.refresh(tokens.refresh_token)).json<{
      access_token: string
      refresh_token: string
    }>()
    secrets.set('second access token', refreshed.access_token).set('second refresh token', refreshed.refresh_token)
    // Failures are where values slip into messages: a wrong verifier, a replay, a revocation, a wrong password.
    const other = await client.authorize()
    secrets.set('second code', other.code ?? '').set('second verifier', other.codeVerifier)
    t.equal((await client.redeem(other, { code_verifier: answer.codeVerifier })).statusCode, 400)
    t.equal((await client.redeem(answer)).statusCode, 400)
    t.equal((await client.revoke(refreshed.refresh_token)).statusCode, 200)
    await client.login(await client.browser.open(`${new URL(resource).origin}/login`), { password: 'wrong-password' })
    secrets.set('wrong password', 'wrong-password')
    for (const value of client.browser.cookies.seen) secrets.set(`cookie ${value.slice(0, 4)}`, value)
    t.ok(secrets.size >= 13, 'everything was collected')

    const written = log.join('')
    t.match(written, 'request completed', 'the log was on')
    const files = readdirSync(folder).map(name => readFileSync(join(folder, name), 'latin1'))
    t.match(files.join(''), 'milk', 'the database was found')
    for (const [name, value] of secrets) {
      t.notOk(value === '' || written.includes(value), `log: ${name}`)
      t.notOk(
        files.some(file => file.includes(value)),
        `database: ${name}`
      )
    }
  }
)
