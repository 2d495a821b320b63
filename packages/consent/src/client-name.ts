/** How the pages name a client: harmless to look at, and never as if its name were true. */
import { domainToASCII } from 'node:url'
import type { ConsentRequest } from '@fastify-mcp-auth/core'
import { cleanName, lookUp, type Sentence, shorten } from '@fastify-mcp-auth/core/pages'
import type { PageLocale } from './locales/languages.ts'
import { type ClientName, SHORT_NAME } from './model.ts'

/** Who asks, in the words of the client and the language of the reader. */
export function describeClient(
  client: Pick<ConsentRequest['client'], 'name' | 'names' | 'verifiedHost'>,
  locale: PageLocale
): ClientName {
  const tag = lookUp(Object.keys(client.names), locale.lang)
  const name =
    cleanName((tag === null ? null : client.names[tag]) ?? '') || cleanName(client.name) || locale.word('name.unknown')
  const verifiedHost = client.verifiedHost === null ? null : asciiHost(client.verifiedHost)
  return { name, shortName: shorten(name, SHORT_NAME), verifiedHost }
}

/** A name that nobody vouches for stands in quotation marks wherever it appears. */
export function quoted(client: ClientName, locale: PageLocale): Sentence {
  const name: Sentence = [{ value: client.shortName }]
  return client.verifiedHost === null ? locale.say('name.unverified', { name }) : name
}

/** Letters of other scripts can pass for Latin ones; in punycode a host cannot pass for another. */
export function asciiHost(host: string): string {
  const [, name = host, port = ''] = /^(.*?)(:\d+)?$/s.exec(host) ?? []
  return `${domainToASCII(name) || cleanName(name)}${port}`
}
