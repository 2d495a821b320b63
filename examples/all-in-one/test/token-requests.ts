/** What tests with server processes ask: the token endpoint of one process, and the resource with a token. */
import { createOAuthClient, type OAuthClient } from '@fastify-mcp-auth/testing'
import { ALICE, type ServerProcess } from './running-app.ts'

type Server = Pick<ServerProcess, 'origin'>

export interface TokenAnswer {
  status: number
  body: { access_token?: string; refresh_token?: string; error?: string }
}

export function clientOf(origin: string): OAuthClient {
  return createOAuthClient({ resource: `${origin}/mcp`, clientId: 'demo-cli', ...ALICE })
}

/** Asks one server process, whatever its public address is. */
export async function askToken(server: Server, parameters: Record<string, string>): Promise<TokenAnswer> {
  const body = new URLSearchParams({ client_id: 'demo-cli', ...parameters })
  const response = await fetch(`${server.origin}/oauth/token`, { method: 'POST', body })
  return { status: response.status, body: (await response.json()) as TokenAnswer['body'] }
}

export function codeGrant(answer: {
  code: string | null
  codeVerifier: string
  redirectUri: string
}): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code: answer.code ?? '',
    code_verifier: answer.codeVerifier,
    redirect_uri: answer.redirectUri
  }
}

export function refreshGrant(refreshToken: string | undefined): Record<string, string> {
  return { grant_type: 'refresh_token', refresh_token: refreshToken ?? '' }
}

/** 200 when the resource lets the token through. */
export async function tryAccessToken(server: Server, accessToken: string | undefined): Promise<number> {
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
