/**
 * What of a client's metadata may be shown to people and echoed, wherever it comes from. A name is made of visible characters,
 * a link leads to a web address; it is the page's business to say that a name is only claimed.
 *
 * @see RFC 7591 sections 2 and 5 (impersonation)
 */
import { ClientMetadata } from '@fastify-mcp-auth/core'

const LINKS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'] as const

/** The members that we know; of these, what is not fit for a page is dropped. */
export function presentableMetadata(given: ClientMetadata): ClientMetadata {
  const known = Object.fromEntries(
    Object.keys(ClientMetadata.properties).flatMap(name =>
      Object.hasOwn(given, name) ? [[name, given[name as keyof ClientMetadata]]] : []
    )
  ) as ClientMetadata
  // A link that is followed from our page: anything but a web address is dropped, a script above all.
  for (const link of LINKS) if (known[link] !== undefined && !isWebUrl(known[link])) delete known[link]
  if (known.client_name !== undefined) known.client_name = known.client_name.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim()
  if (known.client_name === '') delete known.client_name
  return known
}

function isWebUrl(value: string): boolean {
  const protocol = URL.parse(value)?.protocol
  return protocol === 'https:' || protocol === 'http:'
}
