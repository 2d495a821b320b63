/** Connections to other MCP servers: what a server demands, numbers, tidying up, and the keys that encrypt them. */
import {
  type Call,
  type Command,
  count,
  EXIT_CODES,
  type ExitCode,
  noWords,
  onlyWord,
  UsageError,
  withApp
} from '../command.ts'
import { refuse } from '../config.ts'
import { type BootedConnections, connectionsOf } from '../connections.ts'

type Form = (found: BootedConnections, call: Call, limit: number) => Promise<ExitCode>

const FORMS: { readonly [form: string]: Form } = { stats, 'key-status': keyStatus, 'rotate-keys': rotateKeys, sweep }

export const connections: Command = {
  name: 'connections',
  summary: 'see what a server demands, count connections, tidy up, and rotate the keys that encrypt them',
  forms: ['probe URL', 'stats [--limit N]', 'key-status', 'rotate-keys [--limit N]', 'sweep'],
  details: [
    'For an app with the plugin of @fastify-mcp-auth/connections.',
    'probe asks an MCP server, without a credential, what it demands: kind of authorization, issuer, ways to become a client there, scopes, problems, and every step on the way. The network rules of the app hold for it. Exit code 1 when it could not be found out.',
    'key-status counts what is encrypted with the first of "encryptionKeys" (current), with another of them (outdated), and with none of them (unreadable, and exit code 1).',
    'rotate-keys encrypts with the first key what another one encrypted. Every running process has to know that key already. When it is done, with exit code 0 and nothing remaining, the old key can be taken out of the list; exit code 1 says that something remains, so run it again.',
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
    const [name = '', ...words] = call.words
    const url = name === 'probe' ? urlOf(words) : null
    if (url === null) noWords(words)
    const form: Form | undefined =
      url === null
        ? Object.hasOwn(FORMS, name)
          ? FORMS[name]
          : undefined
        : (found, { out }) => probe(found, { url, out })
    if (!form) throw new UsageError('say probe, stats, key-status, rotate-keys or sweep')
    const limit = count(call, 'limit') ?? Number.MAX_SAFE_INTEGER
    return withApp(call, async app => {
      const found = connectionsOf(app)
      if (!found)
        throw refuse('"app" gives an app without connections: return the instance on which they are registered')
      return form(found, call, limit)
    })
  }
}

function urlOf(words: readonly string[]): string {
  const url = onlyWord(words, 'URL')
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw new UsageError(`${JSON.stringify(url)} is no http or https URL`)
  return url
}

async function probe(found: BootedConnections, { url, out }: { url: string; out: Call['out'] }): Promise<ExitCode> {
  const report = await found.probe(url)
  if (out.json) out.print(JSON.stringify(report, null, 2))
  else {
    const { auth, issuer, resource, scopes, registration, problems, steps } = report
    const list = (texts: readonly string[]): string | null => texts.join(' ') || null
    out.facts({ url, auth, issuer, resource, scopes: list(scopes), registration: list(registration) })
    out.print('')
    out.table(
      steps.map(({ step, outcome, detail, url }) => ({ step, outcome, detail, url })),
      'Nothing was asked.'
    )
    for (const problem of problems) out.facts({ problem })
  }
  return report.auth === 'unknown' ? EXIT_CODES.found : EXIT_CODES.done
}

async function stats(found: BootedConnections, { out }: Call, limit: number): Promise<ExitCode> {
  const { servers, expiring, complete } = await found.stats({ limit })
  const rows = Object.entries(servers).map(([server, { connections, byStatus }]) => {
    const statuses = Object.entries(byStatus).map(([status, number]) => `${number} ${status}`)
    return { server, connections, status: statuses.join(', ') || null }
  })
  out.table(rows, 'No server is registered.')
  out.say(`${expiring} end soon.${complete ? '' : ' There are more than were counted.'}`)
  return EXIT_CODES.done
}

async function keyStatus(found: BootedConnections, { out }: Call): Promise<ExitCode> {
  const { current, outdated, unreadable } = await found.keyStatus()
  out.facts({ current, outdated, unreadable })
  return unreadable === 0 ? EXIT_CODES.done : EXIT_CODES.found
}

async function rotateKeys(found: BootedConnections, { out }: Call, limit: number): Promise<ExitCode> {
  const { resealed, remaining } = await found.rotateKeys({ limit })
  out.facts({ resealed, remaining })
  return remaining === 0 ? EXIT_CODES.done : EXIT_CODES.found
}

async function sweep(found: BootedConnections, { out }: Call): Promise<ExitCode> {
  out.facts({ ...(await found.sweep()) })
  return EXIT_CODES.done
}
