/**
 * Ours with the consent remembered, so a flow has two requests: authorize and token. Sessions of the app, consent and grant records,
 * digests, rotation with a grace in which a retry gets the same answer (encrypted), events.
 */
import { startFastifyMcpAuth } from '../fastify-mcp-auth.ts'
import type { IssuingContender } from '../issuing.ts'

export const contender: IssuingContender = {
  does: 'flow of 2 requests, consent remembered; consents, grants, digests, rotation with grace, events',
  leavesOut: 'asking; rate limits (off)',
  start: issuing => startFastifyMcpAuth(issuing, 'remembered')
}
