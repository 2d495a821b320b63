/** Turns a sign-out into the model of its page: that it is done, and what it does not end. */
import type { SignedInPerson } from '@fastify-mcp-auth/core'
import { cleanName, plainText } from '@fastify-mcp-auth/core/pages'
import type { SignedOutPage } from './model.ts'
import type { Surroundings } from './pages.ts'

export interface SignedOutContext {
  /** Who is signed in all the same: the page must not say otherwise. */
  readonly person: SignedInPerson | null
  readonly signInUrl: string
  /** Page of connected apps; null where there is none. */
  readonly manageUrl: string | null
}

export function describeSignedOut(
  { frame, locale }: Surroundings,
  { person, signInUrl, manageUrl }: SignedOutContext
): SignedOutPage {
  const values = {
    brand: [{ value: frame.brand.name }],
    account: [{ value: cleanName(person?.displayName ?? '') }]
  }
  const heading = locale.say(person ? 'signedOut.heading.not' : 'signedOut.heading', values)
  return {
    ...frame,
    page: 'signed-out',
    title: plainText(heading),
    heading,
    text: locale.say(person ? 'signedOut.text.not' : 'signedOut.text', values),
    signInUrl: person ? null : signInUrl,
    manageUrl,
    words: { signIn: locale.word('signedOut.signIn'), manage: locale.word('consent.manage') }
  }
}
