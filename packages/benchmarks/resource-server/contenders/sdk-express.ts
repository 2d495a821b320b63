/**
 * Express with `requireBearerAuth` of the official MCP SDK v1 and a verifier by jose, as the SDK's guides have it. Checks signature,
 * issuer, type, times, audience and scope; challenges name the metadata. Leaves out host and origin, the types of other claims.
 */
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import express from 'express'
import { listening } from '../../listen.ts'
import { joseVerifier } from '../jose-verifier.ts'
import { ANSWER, PATH, type ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'signature, issuer, type, times, audience, scope; remote key set; on Express',
  leavesOut: 'host, origin, claim types',
  start(protection) {
    const verify = joseVerifier(protection)
    const verifyAccessToken = async (token: string) => {
      const claims = await verify(token).catch(() => {
        throw new InvalidTokenError('the token is not valid')
      })
      return {
        token,
        clientId: String(claims['client_id']),
        scopes: String(claims['scope']).split(' '),
        ...(claims.exp === undefined ? {} : { expiresAt: claims.exp })
      }
    }
    const guard = requireBearerAuth({
      verifier: { verifyAccessToken },
      requiredScopes: [protection.scope],
      resourceMetadataUrl: 'http://127.0.0.1/.well-known/oauth-protected-resource/mcp'
    })
    const app = express()
    app.get(PATH, guard, (_request, response) => void response.json(ANSWER))
    return listening(app.listen(0, '127.0.0.1'))
  }
}
