/**
 * What a person should fear, if anything. No warning is shown always: one that is always there is never read.
 *
 * @see OAuth Client ID Metadata Document section 6 (localhost redirect URIs), RFC 8252 section 8.6
 */
import { imitates, mixesScripts, type Sentence } from '@fastify-mcp-auth/core/pages'
import type { PageLocale } from './locales/languages.ts'
import type { AskingClient, ConsentPage, Warning } from './model.ts'

export interface Suspect {
  readonly client: AskingClient
  /** The name as it stands in a sentence, with quotation marks when nobody vouches for it. */
  readonly named: Sentence
  readonly redirect: Pick<ConsentPage['answersTo'], 'kind' | 'host'>
  /** Names that belong to the app whose page this is. */
  readonly ownNames: readonly string[]
  /** Host of the app: what it vouches for may bear its name. */
  readonly ownHost: string
  readonly locale: PageLocale
}

export function findWarnings(suspect: Suspect): readonly Warning[] {
  return [nameWarning(suspect), redirectWarning(suspect)].filter(warning => warning !== null)
}

/** Anybody can publish a document with any name in it: a host vouches for who asks, not for the name being its own. */
function nameWarning({ client, named, ownNames, ownHost, locale }: Suspect): Warning | null {
  if (client.verifiedHost === ownHost) return null
  const own = ownNames.find(name => imitates(client.name, name))
  if (own !== undefined)
    return {
      kind: 'imitation',
      lead: locale.say('warning.imitation', { own: [{ value: own }] }),
      text: locale.say('warning.imitation.text', {})
    }
  if (!mixesScripts(client.name)) return null
  return {
    kind: 'mixed-scripts',
    lead: locale.say('warning.mixedScripts', { client: named }),
    text: locale.say('warning.mixedScripts.text', {})
  }
}

/** Also for verified names: a document on the web cannot tell which program on this computer is listening. */
function redirectWarning({ client, named, redirect, locale }: Suspect): Warning | null {
  // Whoever asked may be far away and have sent the code: then this page is the last that can say so.
  if (redirect.kind === 'device')
    return {
      kind: 'device',
      lead: locale.say('warning.device', { code: [{ value: redirect.host }] }),
      text: locale.say('warning.device.text', {})
    }
  const lead = locale.say('warning.started', {})
  if (redirect.kind === 'private-use')
    return {
      kind: 'private-use',
      lead,
      text: locale.say('warning.privateUse', { scheme: [{ value: `${redirect.host}:` }] })
    }
  if (redirect.kind === 'https') {
    // Whoever is known here, or vouched for, needs no warning: a fact in the table is enough.
    if (client.verifiedHost !== null || !client.firstTime) return null
    const host = [{ value: redirect.host }]
    return { kind: 'first-time', lead, text: locale.say('warning.firstTime', { client: named, host }) }
  }
  const key = client.verifiedHost === null ? 'warning.loopback' : 'warning.loopback.verified'
  return { kind: 'loopback', lead, text: locale.say(key, { client: named }) }
}
