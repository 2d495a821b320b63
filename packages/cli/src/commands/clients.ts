/** Clients that are registered. */
import { type AuthorizationServer, type ClientSummary, sameResource } from '@fastify-mcp-auth/core'
import {
  type Call,
  type Command,
  count,
  EXIT_CODES,
  type ExitCode,
  noWords,
  onlyWord,
  UsageError,
  withServer
} from '../command.ts'
import { type Row, when } from '../output.ts'

export const clients: Command = {
  name: 'clients',
  summary: 'list, show, change and remove registered clients',
  forms: ['list [--app] [--limit N]', 'show CLIENT_ID', 'access CLIENT_ID RESOURCE [SCOPE ...]', 'remove CLIENT_ID'],
  details: [
    'list: clients that registered themselves, or with --app those that the app registered. Clients of the options and those whose id is the URL of a metadata document are not stored, and not listed.',
    'access says what a client that the app registered may do in its own name at a resource, in place of what it could; without a scope nothing. A client that has nothing else is removed instead. Tokens that are out live to their end: "revoke --client" ends them.',
    'remove ends the client and all its grants at once. Exit code 1 when there is no such client.'
  ],
  options: {
    app: { type: 'boolean', about: 'for "list": those that the app registered' },
    limit: { type: 'string', value: 'N', about: 'for "list": at most so many; 100 when left out' }
  },
  async run(call) {
    const [form, ...words] = call.words
    if (form === 'list') return list(call, words)
    if (form === 'show') return show(call, onlyWord(words, 'CLIENT_ID'))
    if (form === 'access') return access(call, words)
    if (form === 'remove') return remove(call, onlyWord(words, 'CLIENT_ID'))
    throw new UsageError('say list, show, access or remove')
  }
}

async function list(call: Call, words: readonly string[]): Promise<ExitCode> {
  noWords(words)
  const limit = count(call, 'limit') ?? 100
  const registeredBy = call.flags['app'] === true ? 'app' : 'client'
  const { found, isMore } = await withServer(call, server => collect(server, registeredBy, limit))
  call.out.table(found.map(brief), 'No client is registered.')
  if (isMore) call.out.say(`There are more than ${limit}: see --limit.`)
  return EXIT_CODES.done
}

// A page may have less than was asked for, and be followed by more.
async function collect(
  server: AuthorizationServer,
  registeredBy: 'app' | 'client',
  limit: number
): Promise<{ found: ClientSummary[]; isMore: boolean }> {
  const found: ClientSummary[] = []
  for (let cursor: string | null = null; ; ) {
    const page = await server.clients.list({ registeredBy, limit: Math.min(limit + 1, 1000), cursor })
    found.push(...page.clients)
    cursor = page.cursor
    if (cursor === null || found.length > limit) return { found: found.slice(0, limit), isMore: found.length > limit }
  }
}

async function show(call: Call, clientId: string): Promise<ExitCode> {
  const client = await withServer(call, server => server.clients.get(clientId))
  if (!client) return unknown(call, clientId)
  const { redirectUris, authMethods, grantTypes, clientCredentials, secrets } = client
  call.out.facts({
    ...brief(client),
    'redirect URIs': redirectUris.join(' '),
    authentication: authMethods.join(' '),
    'grant types': grantTypes.join(' '),
    'in its own name': inWords(clientCredentials),
    secrets: secrets.map(({ secretId, expiresAt }) => `${secretId} (${when(expiresAt) ?? 'no end'})`).join(' ')
  })
  return EXIT_CODES.done
}

async function access(call: Call, words: readonly string[]): Promise<ExitCode> {
  const [clientId, resource, ...scopes] = words
  if (clientId === undefined || resource === undefined) throw new UsageError('say CLIENT_ID and RESOURCE')
  const changed = await withServer(call, async server => {
    const client = await server.clients.get(clientId)
    if (!client) return null
    const others = Object.entries(client.clientCredentials).filter(([other]) => !sameResource(other, resource))
    const all = scopes.length === 0 ? others : [...others, [resource, scopes] as const]
    await server.clients.update(clientId, { clientCredentials: all.length === 0 ? null : Object.fromEntries(all) })
    return server.clients.get(clientId)
  })
  if (!changed) return unknown(call, clientId)
  call.out.facts({ client: clientId, 'in its own name': inWords(changed.clientCredentials) })
  return EXIT_CODES.done
}

function inWords(clientCredentials: ClientSummary['clientCredentials']): string {
  return Object.entries(clientCredentials)
    .map(([resource, scopes]) => `${resource}: ${scopes.join(' ')}`)
    .join('; ')
}

async function remove(call: Call, clientId: string): Promise<ExitCode> {
  const isRemoved = await withServer(call, server => server.clients.remove(clientId))
  if (!isRemoved) return unknown(call, clientId)
  call.out.facts({ removed: clientId })
  return EXIT_CODES.done
}

function unknown({ out }: Call, clientId: string): ExitCode {
  out.say(`There is no client ${JSON.stringify(clientId)}.`)
  return EXIT_CODES.found
}

function brief({ clientId, name, registeredBy, createdAt, usedAt, expiresAt }: ClientSummary): Row {
  return {
    client: clientId,
    name,
    'registered by': registeredBy,
    created: when(createdAt),
    used: when(usedAt),
    expires: when(expiresAt)
  }
}
