/** What has to be done regularly by somebody, in any number of processes: a lease lets one of them do each thing. */
import type { Connections } from '@fastify-mcp-auth/connections'
import { tell } from './people.ts'

/** Refreshes ahead of expiry, notices what is going to end, deletes what is over, revokes what is owed. Every minute is a good rhythm. */
export async function upkeep(connections: Connections): Promise<object> {
  return { ...(await connections.refreshDue()), ...(await connections.sweep()) }
}

/** Whose connection ends within a day, and cannot be refreshed, hears of it once, before a job needs it. */
export function tellOfEnds(connections: Connections): void {
  connections.on('expiring', ({ owner, actionUrl }) => owner && tell(owner.id, [actionUrl]))
}
