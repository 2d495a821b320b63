/**
 * Ours with a person who is asked for every flow, so a flow has four requests: authorize, page, decision, token. Interactions are
 * bound to a browser; otherwise as the other one.
 */
import { startFastifyMcpAuth } from '../fastify-mcp-auth.ts'
import type { IssuingContender } from '../issuing.ts'

export const contender: IssuingContender = {
  does: 'flow of 4 requests with consent asked each time; interactions, consents, grants, digests, rotation with grace, events',
  leavesOut: 'rate limits (off)',
  start: issuing => startFastifyMcpAuth(issuing, 'asked')
}
