/**
 * Trades an assertion of somebody that the operator trusts for an access token. One grant type, two meanings, told apart by the type in the
 * header of the assertion: the identity provider of a company speaks for one of its people, or a platform speaks for one of its workloads.
 *
 * @see RFC 7523 section 2.1, MCP extension "Enterprise-managed authorization", draft of "Workload identity federation"
 */
import { isOAuthError, type TokenResponse } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import { JWT_BEARER, saysIdJag } from '../assertions/trusted-issuers.ts'
import type { ServerContext } from '../context.ts'
import { defineGrant, type Grant } from './grant.ts'
import { exchangeIdJag } from './id-jag.ts'
import { exchangeWorkload } from './workload.ts'

const AssertionRequest = Type.Object({
  assertion: Type.String(),
  resource: Type.Optional(Type.String()),
  scope: Type.Optional(Type.String())
})

const ofClient = defineGrant({
  grantType: JWT_BEARER,
  isImmediate: true,
  body: AssertionRequest,
  exchange: ({ server, client, body, since }) =>
    audited(server, client.clientId, () => exchangeIdJag(server, { client, body, since }))
})

export const jwtBearer: Grant = {
  ...ofClient,
  withoutClient: {
    applies: ({ server, form }) =>
      server.trustedIssuers.workloadIssuers.size > 0 && form.assertion !== undefined && !saysIdJag(form.assertion),
    exchange: call => audited(call.server, null, () => exchangeWorkload(call))
  }
}

/** Tells of every assertion that was refused. Who it claimed to be from is untold: anybody can claim anything. */
async function audited(
  server: ServerContext,
  clientId: string | null,
  exchange: () => Promise<TokenResponse>
): Promise<TokenResponse> {
  try {
    return await exchange()
  } catch (error) {
    if (isOAuthError(error)) server.emit('assertion.refused', { clientId, error: error.error, reason: error.reason })
    throw error
  }
}
