/**
 * A hostile authorization server that has people sent to another one, to be given the code of that one. Where answers have `iss` they say
 * whose they are. Where they have not, what the metadata gives away is refused before anybody is sent; a server that passes people on by a
 * redirect gives nothing away.
 *
 * @see RFC 9700 section 4.4, RFC 9207
 */
import type { Context, ServerTarget } from './context.ts'
import type { Discovered } from './discovery.ts'
import { McpConnectionError } from './errors.ts'

/** @throws McpConnectionError `MCP_ISSUER_MISMATCH`, reason `mix_up`, for an authorization endpoint at another one that this app knows */
export async function assertNoMixUp(context: Context, target: ServerTarget, found: Discovered): Promise<void> {
  const { issuer, metadata, steps } = found
  const { server, definition } = target
  const origin = originOf(metadata.authorization_endpoint)
  // Who is at home there, or sends the code there, gets nothing that is not its own.
  const isOwn = origin === originOf(issuer) || origin === originOf(metadata.token_endpoint)
  if (metadata.authorization_response_iss_parameter_supported === true || isOwn) return
  // The operator vouches for it.
  if (server.source === 'options' && definition.oauth?.issuer === issuer) return
  const documents = context.discoveries.documents().filter(document => document.issuer !== issuer)
  const isPassedOn = documents.some(
    ({ authorization_endpoint, token_endpoint }) =>
      authorization_endpoint === metadata.authorization_endpoint && token_endpoint === metadata.token_endpoint
  )
  const others = (await context.registry.list()).filter(({ id }) => id !== server.id)
  const known = [
    ...documents.flatMap(document => [document.issuer, document.authorization_endpoint]),
    ...others.flatMap(({ definition: { url, oauth } }) => [url, oauth?.issuer, oauth?.client?.issuer])
  ]
  if (isPassedOn || !known.some(url => originOf(url) === origin)) return
  const message =
    'the authorization endpoint is that of another authorization server, which would get no code of its own'
  throw new McpConnectionError('MCP_ISSUER_MISMATCH', message, { server: server.id, reason: 'mix_up', steps })
}

function originOf(url: string | undefined): string | null {
  return URL.parse(url ?? '')?.origin ?? null
}
