/** Programs ask two processes for tokens while a third one ends them: nothing that they were given outlives its client. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { systemClock } from '@fastify-mcp-auth/core'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import t from 'tap'
import { buildServer, refusalOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'
import { start } from './children.ts'

const ROUNDS = 20
const PROGRAMS = 8
/** Tokens after which the client is removed, while more are being made. */
const ENOUGH = 12

t.test('RFC 7009 2.1: of three processes on one SQLite file: no token outlives its client', async t => {
  const url = join(t.testdir(), 'auth.db')
  const key = randomBytes(32).toString('base64')
  const issuer = 'http://127.0.0.1:3000'
  const resource = `${issuer}/mcp`
  const storage = sqlStorage({ url, tablePrefix: 't_' })
  t.teardown(() => storage.close())
  const { app } = await buildServer(t, {
    storage: observableStorage(storage),
    options: {
      issuer,
      clock: systemClock,
      encryptionKeys: [key],
      resources: { [resource]: { name: 'Notes', scopes: { 'notes:read': 'Read your notes' } } }
    }
  })
  const processes = await Promise.all([1, 2].map(() => start(t, [url, 't_', key, issuer])))
  const { clients, verifyAccessToken } = app.authorizationServer
  let made = 0
  for (let round = 0; round < ROUNDS; round++) {
    const { clientId, clientSecret } = await clients.register(
      { client_name: 'Robot', grant_types: ['client_credentials'] },
      { clientCredentials: { [resource]: ['notes:read'] } }
    )
    const tokens: string[] = []
    const refused: string[] = []
    let removal: Promise<boolean> | null = null
    const program = async (address = ''): Promise<void> => {
      const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret ?? '' }
      for (;;) {
        const response = await fetch(`${address}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
        const { access_token: token, error } = (await response.json()) as { access_token?: string; error?: string }
        if (token !== undefined) tokens.push(token)
        else refused.push(error ?? '')
        if (tokens.length >= ENOUGH) removal ??= clients.remove(clientId)
        if (error === 'invalid_client') return
      }
    }
    await Promise.all(Array.from({ length: PROGRAMS }, (_, i) => program(processes[i % 2]?.address)))
    t.equal(await removal, true)
    const verdicts = await Promise.all(tokens.map(token => refusalOf(verifyAccessToken(token, resource))))
    t.strictSame(
      verdicts.filter(verdict => verdict !== 'grant_revoked'),
      [],
      `round ${round}: of ${tokens.length} tokens none is good`
    )
    t.ok(refused.every(error => ['invalid_client', 'temporarily_unavailable'].includes(error)))
    made += tokens.length
  }
  t.comment(`${made} tokens`)
  await Promise.all(processes.map(({ stop }) => stop()))
})
