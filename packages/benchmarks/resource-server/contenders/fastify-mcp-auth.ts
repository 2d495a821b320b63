/**
 * Ours: the resource server with `jwt()`, remote key set with rotation, or with `hmac()` for HS256, on one route, everything as it is by
 * default. Checks host, origin, signature, issuer, type, times, audience and scope; answers with full challenges.
 */
import resourceServer, { hmac, jwt } from '@fastify-mcp-auth/resource-server'
import fastify from 'fastify'
import { listen } from '../../listen.ts'
import { ANSWER, PATH, type ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'host, origin, signature, issuer, type, times, audience, scope; keys by remote set with rotation, with its cache of verified tokens',
  leavesOut: '',
  async start({ algorithm, issuer, jwksUri, resource, scope, secret }) {
    const app = fastify()
    const verify =
      algorithm === 'HS256' ? hmac({ issuer, secret: secret ?? '' }) : jwt({ issuer, jwksUri, algorithms: [algorithm] })
    await app.register(resourceServer, { resource, verify })
    app.get(PATH, { config: { mcpAuth: { scopes: [scope] } } }, async () => ANSWER)
    return listen(app)
  }
}
