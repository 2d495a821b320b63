/** How much is stored. */
import type { RecordCount } from '@fastify-mcp-auth/core'
import { type Command, count, EXIT_CODES, noWords, withServer } from '../command.ts'

export const stats: Command = {
  name: 'stats',
  summary: 'how many clients, grants and interactions are stored',
  forms: ['[--limit N]'],
  details: ['Expired records that were not removed yet are counted too. "-" where the storage cannot count.'],
  options: { limit: { type: 'string', value: 'N', about: 'counts no further than that; 10000 when left out' } },
  async run(call) {
    noWords(call.words)
    const limit = count(call, 'limit')
    const { clients, grants, interactions } = await withServer(call, server =>
      server.stats(limit === undefined ? {} : { limit })
    )
    call.out.facts({ clients: told(clients), grants: told(grants), interactions: told(interactions) })
    return EXIT_CODES.done
  }
}

function told(counted: RecordCount | null): string | number | null {
  if (counted === null) return null
  return counted.isMore ? `more than ${counted.count}` : counted.count
}
