/**
 * What of a client's metadata may be shown to people and echoed, wherever it comes from. A name is made of visible characters,
 * a link leads to a web address; it is the page's business to say that a name is only claimed.
 *
 * @see RFC 7591 sections 2, 2.2 and 5 (impersonation)
 */
import { ClientMetadata } from '@fastify-mcp-auth/core'

const LINKS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'] as const

/** A name in another language; longer tags are for private use. @see RFC 5646 section 2.1 */
const LOCALISED_NAME = /^client_name#[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}$/

const MAX_LOCALISED_NAMES = 40
const MAX_NAME_LENGTH = 200

/** The members that we know; of these, what is not fit for a page is dropped. */
export function presentableMetadata(given: ClientMetadata): ClientMetadata {
  const known = Object.fromEntries(
    Object.keys(ClientMetadata.properties).flatMap(name =>
      Object.hasOwn(given, name) ? [[name, given[name as keyof ClientMetadata]]] : []
    )
  ) as ClientMetadata
  // A link that is followed from our page: anything but a web address is dropped, a script above all.
  for (const link of LINKS) if (known[link] !== undefined && !isWebUrl(known[link])) delete known[link]
  const { client_name, ...others } = known
  const name = visible(client_name)
  return { ...others, ...(name === '' ? {} : { client_name: name }), ...localisedNames(given) }
}

// A translation adds something for people: one that cannot be shown is left out, and costs the client nothing.
function localisedNames(given: ClientMetadata): { [localised: `client_name#${string}`]: string } {
  const names = Object.entries(given).flatMap(([member, value]) => {
    const name = LOCALISED_NAME.test(member) && typeof value === 'string' ? visible(value) : ''
    return name === '' || name.length > MAX_NAME_LENGTH ? [] : [[member, name] as const]
  })
  return Object.fromEntries(names.slice(0, MAX_LOCALISED_NAMES))
}

function visible(name = ''): string {
  return name.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim()
}

function isWebUrl(value: string): boolean {
  const protocol = URL.parse(value)?.protocol
  return protocol === 'https:' || protocol === 'http:'
}
