/** Turns a failure into the model of the error page: what happened, what it means, what to do next. */
import type { ErrorPage } from '@fastify-mcp-auth/core'
import { cleanName, plainText, type Sentence, shorten } from '@fastify-mcp-auth/core/pages'
import type { Frame } from './frame.ts'
import type { PageLocale } from './locales/languages.ts'
import { type FailurePage, SHORT_NAME } from './model.ts'

export function describeFailure(failure: ErrorPage, frame: Frame, locale: PageLocale): FailurePage {
  const name = cleanName(failure.clientName ?? '')
  const client: Sentence =
    name === ''
      ? [locale.word('name.unknown')]
      : locale.say('name.unverified', { name: [{ value: shorten(name, SHORT_NAME) }] })
  // Not every message uses both; those that do not, ignore them.
  const values = { client, brand: [{ value: frame.brand.name }] }
  const heading = locale.say(`error.${failure.reason}.title`, values)
  return {
    ...frame,
    page: 'error',
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
