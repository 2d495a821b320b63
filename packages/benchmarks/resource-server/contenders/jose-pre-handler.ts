/**
 * What many write by hand: jose in a preHandler, with its remote key set (a secret for HS256). Checks signature, issuer, type, times,
 * audience and one scope. Leaves out host and origin, the types of other claims, challenges.
 */
import fastify from 'fastify'
import { listen } from '../../listen.ts'
import { joseVerifier } from '../jose-verifier.ts'
import { ANSWER, PATH, type ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'signature, issuer, type, times, audience, scope by hand; remote key set',
  leavesOut: 'host, origin, claim types, challenges',
  start(protection) {
    const verify = joseVerifier(protection)
    const app = fastify()
    app.get(PATH, {
      async preHandler(request, reply) {
        const claims = await verify(request.headers.authorization?.slice('Bearer '.length) ?? '').catch(() => null)
        if (!claims) return reply.code(401).send({ error: 'invalid_token' })
        const scopes = String(claims['scope']).split(' ')
        if (!scopes.includes(protection.scope)) return reply.code(403).send({ error: 'insufficient_scope' })
      },
      handler: async () => ANSWER
    })
    return listen(app)
  }
}
