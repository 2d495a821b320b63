/**
 * Ours: the resource server with `jwt()`, remote key set with rotation, on one route. Checks host, origin, signature, issuer, type,
 * times, audience and scope; answers with full challenges. HS256 is left out: `jwt()` takes asymmetric algorithms only.
 */
import resourceServer, { jwt } from '@fastify-mcp-auth/resource-server'
import fastify from 'fastify'
import { listen } from '../../listen.ts'
import { ANSWER, PATH, type ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'host, origin, signature, issuer, type, times, audience, scope; keys by remote set with rotation',
  leavesOut: '',
  async start({ algorithm, issuer, jwksUri, resource, scope }) {
    if (algorithm === 'HS256') return null
    const app = fastify()
    await app.register(resourceServer, { resource, verify: jwt({ issuer, jwksUri, algorithms: [algorithm] }) })
    app.get(PATH, { config: { mcpAuth: { scopes: [scope] } } }, async () => ANSWER)
    return listen(app)
  }
}
