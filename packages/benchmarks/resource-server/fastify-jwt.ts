/** @fastify/jwt with a static key, for the two contenders that differ in its cache only. */
import fastifyJwt from '@fastify/jwt'
import fastify from 'fastify'
import type { RunningServer } from '../contender.ts'
import { listen } from '../listen.ts'
import { ANSWER, PATH, type Protection } from './protection.ts'

/** @param cache of verified tokens: 1,000 entries, the size that the library takes for `true` */
export async function startFastifyJwt(protection: Protection, cache: boolean): Promise<RunningServer | null> {
  const { algorithm, issuer, resource, scope, publicKey, secret } = protection
  const app = fastify()
  await app.register(fastifyJwt, {
    secret: publicKey ? { public: publicKey.pem } : (secret ?? ''),
    verify: { algorithms: [algorithm], allowedIss: issuer, allowedAud: resource, cache }
  })
  app.get(PATH, {
    async onRequest(request, reply) {
      const { scope: granted } = await request.jwtVerify<{ scope: string }>()
      if (!granted.split(' ').includes(scope)) return reply.code(403).send({ error: 'insufficient_scope' })
    },
    handler: async () => ANSWER
  })
  return listen(app)
}
