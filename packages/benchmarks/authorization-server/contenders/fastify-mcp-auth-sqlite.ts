/** Ours on a SQLite file, for the measurement of what many stored grants cost; not part of the comparison with others. */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import type { Contender } from '../../contender.ts'
import { startFastifyMcpAuth } from '../fastify-mcp-auth.ts'
import type { Issuing } from '../issuing.ts'

export const contender: Contender<Issuing & { readonly file: string }> = {
  does: 'flow of 2 requests, consent remembered, in a SQLite file',
  leavesOut: 'rate limits (off)',
  start: issuing => startFastifyMcpAuth(issuing, 'remembered', sqlStorage({ url: `sqlite:${issuing.file}` }))
}
