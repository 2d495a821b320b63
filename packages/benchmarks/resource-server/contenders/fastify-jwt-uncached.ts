/**
 * @fastify/jwt without its cache, and a static key. Checks signature, issuer, times, audience and, by hand, one scope.
 * Leaves out host and origin, the token type, key sets and their rotation, challenges.
 */
import { startFastifyJwt } from '../fastify-jwt.ts'
import type { ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'signature, issuer, times, audience, scope by hand; static key, without its cache',
  leavesOut: 'host, origin, type, key rotation, challenges',
  start: protection => startFastifyJwt(protection, false)
}
