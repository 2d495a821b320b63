/** Connections to other MCP servers: numbers, tidying up, and the rotation of the keys that encrypt them. */
import { type Command, count, EXIT_CODES, noWords, UsageError, withApp } from '../command.ts'
import { refuse } from '../config.ts'
import { connectionsOf } from '../connections.ts'

export const connections: Command = {
  name: 'connections',
  summary: 'count connections to other servers, tidy up, and rotate the keys that encrypt them',
  forms: ['stats [--limit N]', 'rotate-keys [--limit N]', 'sweep'],
  details: [
    'For an app with the plugin of @fastify-mcp-auth/connections.',
    'rotate-keys encrypts with the first of its "encryptionKeys" what another one encrypted. Every running process has to know that key already. When it is done, with exit code 0 and nothing remaining, the old key can be taken out of the list; exit code 1 says that something remains, so run it again.',
    'sweep removes what has expired and pays the revocations that are still owed to other servers.'
  ],
  options: {
    limit: {
      type: 'string',
      value: 'N',
      about:
        'for "stats": counts no further than that for each server; for "rotate-keys": records at most. All when left out'
    }
  },
  async run(call) {
    const [form, ...words] = call.words
    noWords(words)
    if (form !== 'stats' && form !== 'rotate-keys' && form !== 'sweep')
      throw new UsageError('say stats, rotate-keys or sweep')
    const limit = count(call, 'limit') ?? Number.MAX_SAFE_INTEGER
    return withApp(call, async app => {
      const found = connectionsOf(app)
      if (!found)
        throw refuse('"app" gives an app without connections: return the instance on which they are registered')
      if (form === 'sweep') {
        call.out.facts({ ...(await found.sweep()) })
        return EXIT_CODES.done
      }
      if (form === 'rotate-keys') {
        const { resealed, remaining } = await found.rotateKeys({ limit })
        call.out.facts({ resealed, remaining })
        return remaining === 0 ? EXIT_CODES.done : EXIT_CODES.found
      }
      const { servers, expiring, complete } = await found.stats({ limit })
      const rows = Object.entries(servers).map(([server, { connections, byStatus }]) => {
        const statuses = Object.entries(byStatus).map(([status, number]) => `${number} ${status}`)
        return { server, connections, status: statuses.join(', ') || null }
      })
      call.out.table(rows, 'No server is registered.')
      call.out.say(`${expiring} end soon.${complete ? '' : ' There are more than were counted.'}`)
      return EXIT_CODES.done
    })
  }
}
