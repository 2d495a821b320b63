/** The form with which an administrator adds or changes a server. Only what the form can say; the registry judges the rest. */
import type { FastifyRequest } from 'fastify'
import { McpConnectionError } from '../errors.ts'
import { textOf } from '../http/asker.ts'
import type { ServerDefinition } from '../options.ts'

/**
 * Reads a form, or takes a JSON body `{ definition }` as it is: the registry checks both by its schema.
 *
 * @param before what the server is now: what the form has no field for, such as a limit of the tools, stays as it is
 * @throws McpConnectionError `MCP_INVALID_INPUT`
 */
export function readServerForm(
  request: FastifyRequest,
  before?: ServerDefinition
): Partial<ServerDefinition> & { readonly url: string } {
  const { body } = request
  const whole = typeof body === 'object' && body !== null && 'definition' in body ? body.definition : null
  if (typeof whole === 'object' && whole !== null) return whole as ReturnType<typeof readServerForm>
  const url = textOf(request, 'url')
  if (url === undefined) throw new McpConnectionError('MCP_INVALID_INPUT', '"url" is missing')
  const auth = textOf(request, 'auth') ?? before?.auth
  return {
    ...withoutFields(before, auth, url),
    url,
    ...given('name', textOf(request, 'name', 200)),
    ...given('description', textOf(request, 'description', 500)),
    ...given('auth', auth as ServerDefinition['auth'] | undefined),
    ...given('mode', textOf(request, 'mode') as ServerDefinition['mode'] | undefined),
    ...(textOf(request, 'acknowledgeShared') !== undefined && { acknowledgeShared: true }),
    ...(auth === 'header' && { header: readHeader(request) }),
    ...(auth === 'oauth' && {
      oauth: { ...withoutOAuthFields(before), ...readOAuth(request, before?.url === url ? before : undefined) }
    }),
    ...readTools(request, before)
  }
}

function withoutFields(
  before: ServerDefinition | undefined,
  auth: string | undefined,
  url: string
): Partial<ServerDefinition> {
  if (!before) return {}
  const { name, description, acknowledgeShared, header, oauth, ...kept } = before
  // A kind that only code and JSON can set up: its client has a secret, which goes to no other address.
  const isSame = auth === before.auth && url === before.url && auth !== 'oauth'
  return { ...kept, ...(isSame && oauth && { oauth }) }
}

function withoutOAuthFields(before: ServerDefinition | undefined): NonNullable<ServerDefinition['oauth']> {
  const { client, scopes, ...kept } = before?.oauth ?? {}
  return kept
}

function readTools(request: FastifyRequest, before: ServerDefinition | undefined): Pick<ServerDefinition, 'tools'> {
  const { anonymous, ...kept } = before?.tools ?? {}
  const isWanted = textOf(request, 'anonymous') !== undefined
  return { tools: { ...kept, ...(isWanted && { anonymous: 'try' }) } }
}

function readHeader(request: FastifyRequest): { name: string; prefix?: string } {
  const name = textOf(request, 'header_name', 200)
  if (name === undefined) throw new McpConnectionError('MCP_INVALID_INPUT', '"header_name" is missing')
  return { name, ...given('prefix', textOf(request, 'header_prefix', 100)) }
}

/** @param before the server at the same address: its client stays itself, and keeps its secret, unless the form says another */
function readOAuth(
  request: FastifyRequest,
  before: ServerDefinition | undefined
): NonNullable<ServerDefinition['oauth']> {
  const clientId = textOf(request, 'client_id')
  const issuer = textOf(request, 'issuer')
  if (clientId !== undefined && issuer === undefined)
    throw new McpConnectionError('MCP_INVALID_INPUT', '"issuer" is missing: a client is registered at one issuer')
  const known = before?.oauth?.client
  const kept = known?.clientId === clientId && known?.issuer === issuer ? known : undefined
  const scopes = textOf(request, 'scopes')?.split(/\s+/).filter(Boolean)
  return {
    ...(scopes && scopes.length > 0 && { scopes }),
    ...(clientId !== undefined &&
      issuer !== undefined && {
        client: { ...kept, issuer, clientId, ...given('clientSecret', textOf(request, 'client_secret')) }
      })
  }
}

function given<N extends string, T>(name: N, value: T | undefined): { readonly [name in N]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in N]: T })
}
