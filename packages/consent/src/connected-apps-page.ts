/** Turns what a person has connected into the model of the page: which app, for what, since when, until when. */
import type { ConnectedApp, ConnectedApps, SignedInPerson } from '@fastify-mcp-auth/core'
import { cleanName, plainText } from '@fastify-mcp-auth/core/pages'
import { describeClient, quoted } from './client-name.ts'
import type { ConnectedAppEntry, ConnectedAppsNotice, ConnectedAppsPage } from './model.ts'
import type { Surroundings } from './pages.ts'

export interface ConnectedAppsContext {
  readonly person: SignedInPerson
  /** Value of the field `account`. */
  readonly proof: string
  readonly switchUrl: string
  /** Whether these are not the first apps of the list. */
  readonly isLaterPage: boolean
  readonly notice: ConnectedAppsNotice | null
}

export function describeConnectedApps(
  { apps, cursor, now }: ConnectedApps,
  { frame, locale }: Surroundings,
  { person, proof, switchUrl, isLaterPage, notice }: ConnectedAppsContext
): ConnectedAppsPage {
  const brand = [{ value: frame.brand.name }]
  const heading = locale.say('connected.heading', {})
  const isPart = isLaterPage || cursor !== null
  return {
    ...frame,
    page: 'connected-apps',
    title: plainText(heading),
    heading,
    intro:
      apps.length === 0 && !isPart ? locale.say('connected.none', { brand }) : locale.say('connected.intro', { brand }),
    notice: notice === null ? null : { kind: notice, words: locale.say(`connected.notice.${notice}`, {}) },
    account: { displayName: cleanName(person.displayName), switchUrl, proof },
    apps: apps.map(app => describeApp(app, { locale, now })),
    hasSeveral: isPart || apps.length > 1,
    // Relative, so that they hold wherever the app is mounted.
    nextUrl: cursor === null ? null : `?after=${encodeURIComponent(cursor)}`,
    firstUrl: isLaterPage ? '?' : null,
    words: {
      signedInAs: locale.word('consent.signedInAs'),
      switchAccount: locale.word('consent.switchAccount'),
      verified: locale.word('consent.verified'),
      notVerified: locale.word('consent.notVerified'),
      organization: locale.word('consent.organization'),
      uses: locale.word('connected.uses'),
      may: locale.word('consent.may'),
      irreversible: locale.word('consent.irreversible'),
      disconnect: locale.word('connected.disconnect'),
      disconnectAll: locale.word('connected.disconnectAll'),
      disconnectAllText: locale.say('connected.disconnectAll.text', {}),
      next: locale.word('connected.next'),
      first: locale.word('connected.first'),
      note: locale.say('connected.note', {})
    }
  }
}

function describeApp(
  { grantId, client, resources, organization, scopes, createdAt, lastUsedAt, endsAt }: ConnectedApp,
  { locale, now }: Pick<Surroundings, 'locale'> & { now: number }
): ConnectedAppEntry {
  const described = describeClient(client, locale)
  const named = quoted(described, locale)
  const places = resources.map(({ resource, name }) => ({ resource, name: cleanName(locale.text(name)) }))
  return {
    grantId,
    client: described,
    named,
    resources: places,
    uses: locale.list(places.map(({ name }) => name)),
    organization: organization === null ? null : cleanName(organization.name) || organization.id,
    scopes: scopes.map(scope => ({ ...scope, description: locale.text(scope.description) })),
    connected: { at: createdAt, words: locale.say('connected.since', { day: locale.day(createdAt) }) },
    lastActive: { at: lastUsedAt, words: locale.say('connected.lastActive', { ago: locale.ago(lastUsedAt, now) }) },
    ends: { at: endsAt, words: locale.say('connected.ends', { day: locale.day(endsAt) }) },
    // Only listened to, and asked for by voice: nothing in it needs to be fenced off.
    disconnect: locale
      .say('connected.disconnect.named', { client: named })
      .map(part => (typeof part === 'string' ? part : part.value))
      .join('')
  }
}
