import t from 'tap'
import { createApp, MCP_HEADERS, toolCall } from './app.ts'

t.test('TR-6: since 2026-07-28 a session ID is ignored, and no handler sees it', async t => {
  const { app, bearer } = await createApp(t, {
    routes: app =>
      void app.post('/mcp', { config: { mcpAuth: {} } }, async request => ({
        parsed: request.headers['mcp-session-id'] ?? null,
        raw: request.raw.rawHeaders.filter(part => /session|stolen/i.test(part)),
        distinct: request.raw.headersDistinct['mcp-session-id'] ?? null,
        others: request.headers['content-type']
      }))
  })
  const url = new URL('/mcp', await app.listen({ port: 0, host: '127.0.0.1' }))
  const send = async (revision: string | null, id: string | null) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...MCP_HEADERS,
        ...(await bearer()),
        ...(revision === null ? {} : { 'mcp-protocol-version': revision }),
        ...(id === null ? {} : { 'Mcp-Session-Id': id })
      },
      body: JSON.stringify(toolCall('x'))
    })
    return { status: response.status, body: (await response.json()) as object }
  }
  for (const revision of ['2026-07-28', '2027-01-01'])
    t.strictSame(await send(revision, 'stolen'), {
      status: 200,
      body: { parsed: null, raw: [], distinct: null, others: 'application/json' }
    })
  // A server of the older revisions may have sessions: one that is not known is a 404, also when the version is no version.
  for (const revision of [
    null,
    '2025-11-25',
    '2025-03-26',
    '2026-07-27',
    '2026-07-28, 2025-11-25',
    'DRAFT-2026',
    '9',
    ''
  ])
    t.equal((await send(revision, 'stolen')).status, 404, String(revision))
  t.equal((await send('2025-11-25', null)).status, 200)
})
