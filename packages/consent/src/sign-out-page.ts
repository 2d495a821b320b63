/** Turns somebody's wish that a person signs out into the model of the page that asks the person. */
import type { SignOutRequest } from '@fastify-mcp-auth/core'
import { cleanName, plainText } from '@fastify-mcp-auth/core/pages'
import { asciiHost, describeClient, quoted } from './client-name.ts'
import type { SignOutPage } from './model.ts'
import type { Surroundings } from './pages.ts'

export function describeSignOut(asked: SignOutRequest, { frame, locale }: Surroundings): SignOutPage {
  const { submitUrl, request, proof, account, redirectHost } = asked
  const client =
    asked.client === null ? null : describeClient({ name: asked.client.name, names: {}, verifiedHost: null }, locale)
  const heading = locale.say('signOut.heading', { brand: [{ value: frame.brand.name }] })
  return {
    ...frame,
    page: 'sign-out',
    title: plainText(heading),
    heading,
    text: locale.say('signOut.text', {}),
    submitUrl,
    request,
    proof,
    client,
    named: client && quoted(client, locale),
    account: { displayName: cleanName(account.displayName) },
    goesTo: redirectHost === null ? null : asciiHost(redirectHost),
    words: {
      askedBy: locale.word('consent.askedBy'),
      notVerified: locale.word('consent.notVerified'),
      signedInAs: locale.word('consent.signedInAs'),
      goesTo: locale.word('signOut.goesTo'),
      stay: locale.word('signOut.stay'),
      signOut: locale.word('signOut.signOut')
    }
  }
}
