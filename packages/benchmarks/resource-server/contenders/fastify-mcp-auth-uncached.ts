/** Ours without its cache: every token is verified anew. What the cache costs those that it does not help is told by the difference. */
import { startOurs } from '../fastify-mcp-auth.ts'
import type { ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'the same without the cache',
  leavesOut: '',
  start: protection => startOurs(protection, { cache: false })
}
