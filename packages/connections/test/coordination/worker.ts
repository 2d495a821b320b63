/** One of the processes of the app: the same options and the same database as the others, and nothing else in common. */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import type { WorkerModule } from '@fastify-mcp-auth/testing/workers'
import { openConnections } from '../../src/connections.ts'
import type { ConnectionsOptions } from '../../src/index.ts'
import { refreshTogether } from '../../src/refresh.ts'
import { uncoordinated } from './uncoordinated.ts'

/** What the processes are started with. */
export interface WorkerSettings {
  readonly options: Omit<ConnectionsOptions, 'storage' | 'clock' | 'log' | 'onEvent'>
  /** Nobody asks before refreshing: the negative control. */
  readonly isUncoordinated: boolean
  readonly database: { readonly url: string; readonly tablePrefix: string; readonly timeout: number }
}

/** Whom a job is for. */
export interface Errand {
  readonly user: string
  readonly server: string
}

/** Seconds by which the clock of each process is wrong, by its place. */
const SKEWS = [0, 300, -300, 120]

export const open: WorkerModule['open'] = async ({ clock: right, settings, place }) => {
  const { options, database, isUncoordinated } = settings as WorkerSettings
  const clock = { now: () => right.now() + (SKEWS[place % SKEWS.length] ?? 0) }
  const lost: { user: string | null; server: string; reason: string }[] = []
  const connections = await openConnections(
    {
      ...options,
      storage: sqlStorage({ ...database, poolSize: 3 }),
      clock,
      onEvent: event => {
        if (event.type === 'needs_reauth')
          lost.push({ user: event.owner?.id ?? null, server: event.server, reason: event.reason })
      }
    },
    {
      refresher: isUncoordinated ? uncoordinated : refreshTogether,
      // Goes on by itself, too, so that nobody waits for a time that stands still.
      elapsed: () => right.now() + performance.now() / 1000
    }
  )
  return {
    jobs: {
      /** Who the server says that the token is of. */
      whoami: ({ user, server }: Errand) =>
        connections.withClient({ type: 'user', id: user }, server, async client => {
          const { content } = await client.callTool({ name: 'whoami' })
          return (content as { text: string }[])[0]?.text ?? null
        }),
      refreshDue: () => connections.refreshDue({ limit: 500, budgetPerIssuer: 500 }),
      /** Connections that this process gave up. */
      lost: () => lost
    },
    close: () => connections.close()
  }
}
