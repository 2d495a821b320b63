import { parseChallenges } from '@fastify-mcp-auth/core'
import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { createApp, MCP_HEADERS, METADATA_URL } from './app.ts'

function challengeOf(response: LightMyRequestResponse): { [name: string]: string } | undefined {
  return parseChallenges(String(response.headers['www-authenticate'] ?? ''))[0]?.params
}

t.test('RS-1, RS-3, RS-2: without a token 401, a challenge with scope and metadata, and no error code', async t => {
  const { app } = await createApp(t)
  const response = await app.inject({ method: 'POST', url: '/mcp', payload: {} })
  t.equal(response.statusCode, 401)
  t.strictSame({ ...challengeOf(response) }, { scope: 'mcp:tools', resource_metadata: METADATA_URL })
})

t.test('RS-4: a good token gets in', async t => {
  const { app, bearer } = await createApp(t)
  const headers = await bearer({ scopes: ['mcp:tools'] })
  const response = await app.inject({ method: 'POST', url: '/mcp', headers, payload: {} })
  t.equal(response.statusCode, 200, response.body)
  t.strictSame(response.json(), { subject: 'alice' })
})
