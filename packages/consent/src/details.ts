/** For those who want to know exactly: identifiers, whole addresses, and what the app says about itself. */
import type { ConsentRequest } from '@fastify-mcp-auth/core'
import { cleanName } from '@fastify-mcp-auth/core/pages'
import type { PageLocale } from './locales/languages.ts'
import type { Detail } from './model.ts'

export function describeDetails({ client, redirect, resources }: ConsentRequest, locale: PageLocale): Detail[] {
  const plain = (term: string, value: string): Detail => ({ term, value: cleanName(value), url: null })
  // A link on our page is a recommendation: only what a verified host vouches for can be followed.
  const link = (term: string, value: string | null): Detail[] =>
    value === null ? [] : [{ ...plain(term, value), url: client.verifiedHost === null ? null : httpsUrl(value) }]
  return [
    plain(locale.word('consent.details.client'), client.clientId),
    ...(redirect === null ? [] : [plain(locale.word('consent.details.answersTo'), redirect.uri)]),
    ...resources.map(({ resource }) => plain(locale.word('consent.details.place'), resource)),
    ...link(locale.word('consent.details.site'), client.clientUri),
    ...link(locale.word('consent.details.privacy'), client.policyUri),
    ...link(locale.word('consent.details.terms'), client.tosUri)
  ]
}

function httpsUrl(value: string): string | null {
  const url = URL.parse(value)
  return url?.protocol === 'https:' ? url.href : null
}
