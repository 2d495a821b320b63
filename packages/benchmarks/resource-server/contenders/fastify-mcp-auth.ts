/**
 * Ours: the resource server with `jwt()`, remote key set with rotation, or with `hmac()` for HS256, on one route, everything as it is by
 * default. Checks host, origin, signature, issuer, type, times, audience and scope; answers with full challenges.
 */
import { startOurs } from '../fastify-mcp-auth.ts'
import type { ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'host, origin, signature, issuer, type, times, audience, scope; keys by remote set with rotation, with its cache of verified tokens',
  leavesOut: '',
  start: protection => startOurs(protection, {})
}
