/** Turns a failure into the model of the error page: what happened, what it means, what to do next. */
import type { ErrorPage } from '@fastify-mcp-auth/core'
import { cleanName, shorten } from './display-name.ts'
import { type Locale, plainText, type Sentence } from './locales/locale.ts'
import { type FailurePage, type Page, SHORT_NAME } from './model.ts'

export function describeFailure(failure: ErrorPage, page: Omit<Page, 'title'>, locale: Locale): FailurePage {
  const name = cleanName(failure.clientName ?? '')
  const client: Sentence =
    name === ''
      ? [locale.word('name.unknown')]
      : locale.say('name.unverified', { name: [{ value: shorten(name, SHORT_NAME) }] })
  // Not every message uses both; those that do not, ignore them.
  const values = { client, brand: [{ value: page.brand.name }] }
  const heading = locale.say(`error.${failure.reason}.title`, values)
  return {
    ...page,
    title: plainText(heading),
    reason: failure.reason,
    statusCode: failure.statusCode,
    heading,
    text: locale.say(`error.${failure.reason}.text`, values),
    next: locale.say(`error.${failure.reason}.next`, values),
    reference: failure.reference,
    words: { reference: locale.word('error.reference') }
  }
}
