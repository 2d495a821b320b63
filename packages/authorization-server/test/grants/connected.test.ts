/** What a person has connected, page by page. */
import t from 'tap'
import { buildServer } from '../fixture.ts'

t.test('a list of grants is bounded: pages together have every live grant once', async t => {
  const server = await buildServer(t)
  const { grants } = server.app.authorizationServer
  const client = server.client()
  for (let i = 0; i < 5; i++) await client.connect()
  await client.authorize()
  const found: string[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof grants.list>> = await grants.list('sub-alice', { limit: 2, cursor })
    t.ok(page.grants.length <= 2)
    found.push(...page.grants.map(({ grantId }) => grantId))
    cursor = page.cursor
  } while (cursor !== null)
  t.equal(found.length, 5, 'without the code that nobody redeemed')
  t.equal(new Set(found).size, 5)
  t.strictSame(await grants.list('sub-alice', { cursor: 'not a cursor of ours \u{10ffff}' }), {
    grants: [],
    cursor: null
  })
  t.equal((await grants.list('sub-alice', { limit: 5000 })).grants.length, 5)
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    await t.rejects(grants.list('sub-alice', { limit }), RangeError)
})

t.test('a grant in the list says what, for whom, since when and until when, and nothing secret', async t => {
  const users = { organizations: () => [{ id: 'acme', name: 'Acme' }] }
  const server = await buildServer(t, { users })
  const now = server.clock.now()
  const client = server.client()
  const { refresh_token = '' } = await client.connect({ scope: 'notes:read' })
  server.clock.advance(100)
  await client.refresh(refresh_token)
  const [grant] = (await server.app.authorizationServer.grants.list('sub-alice')).grants
  t.match(grant, { subject: 'sub-alice', clientName: 'Test client', organization: 'acme', scopes: ['notes:read'] })
  t.match(grant, { createdAt: now, lastUsedAt: now + 100, endsAt: now + 90 * 86_400 })
  t.equal(grant?.expiresAt, now + 100 + 30 * 86_400)
  t.strictSame(
    Object.keys(grant ?? {}).filter(name => /digest|challenge|token|props|replay|nonce/i.test(name)),
    []
  )
})
