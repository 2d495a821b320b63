/** Turns a consent request into the model of the page: what a person reads, in the order of reading. */
import type { ConsentRequest, ConsentScope } from '@fastify-mcp-auth/core'
import { cleanName, inEveryLanguage, plainText, type Sentence } from '@fastify-mcp-auth/core/pages'
import { asciiHost, describeClient, quoted } from './client-name.ts'
import { describeDetails } from './details.ts'
import type { Frame } from './frame.ts'
import type { PageLocale } from './locales/languages.ts'
import type { ConsentPage, ConsentWords } from './model.ts'
import { describeScope } from './scope-line.ts'
import type { ToolsByScope } from './tools.ts'
import { findWarnings } from './warnings.ts'

export interface ConsentContext {
  readonly locale: PageLocale
  readonly ownHost: string
  /** Path of the logo, when it can be shown. */
  readonly logoUrl: string | null
  readonly manageUrl: string | null
  readonly tools: ToolsByScope
}

/** Does not decide anything: what is required or granted already is the authorization server's word. */
export function describeConsent(request: ConsentRequest, frame: Frame, context: ConsentContext): ConsentPage {
  const { locale, ownHost, logoUrl, manageUrl, tools } = context
  const { firstTime } = request
  const { clientId } = request.client
  const client = { ...describeClient(request.client, locale), clientId, logoUrl, firstTime }
  const answersTo = describeAnswersTo(request, locale)
  const { asked, already } = splitScopes(request)
  const stepUp = already.length > 0
  const names = request.resources.map(({ name }) => cleanName(locale.text(name)))
  const named = quoted(client, locale)
  const words = { named, resource: locale.list(names), locale }
  const heading = headingOf(words, stepUp ? asked.length : null)
  const line = (scope: ConsentScope) => describeScope(scope, { locale, tools, stepUp })
  return {
    ...frame,
    page: 'consent',
    title: plainText(heading),
    heading,
    intro: introOf(words, { stepUp, manageUrl }),
    decisionUrl: request.decisionUrl,
    client,
    answersTo,
    account: { ...request.account, displayName: cleanName(request.account.displayName) },
    warnings: findWarnings({
      client,
      named,
      redirect: answersTo,
      ownNames: [frame.brand.name, ...names, ...request.resources.flatMap(({ name }) => inEveryLanguage(name))],
      ownHost,
      locale
    }),
    ...describeOrganizations(request),
    scopes: asked.map(line),
    alreadyAllowed: already.map(line),
    stepUp,
    until: describeTtl(request.grantTtl, locale),
    expiresAt: request.expiresAt,
    manageUrl,
    details: describeDetails(request, locale),
    words: consentWords(locale, { stepUp, firstTime })
  }
}

interface Words {
  readonly named: Sentence
  readonly resource: Sentence
  readonly locale: PageLocale
}

/** @param more number of new permissions of a step-up; null for a first question */
function headingOf({ named, resource, locale }: Words, more: number | null): Sentence {
  return more === null
    ? locale.say('consent.heading', { client: named, resource })
    : locale.say('consent.heading.more', { client: named, count: more })
}

function introOf(
  { resource, locale }: Words,
  { stepUp, manageUrl }: { stepUp: boolean; manageUrl: string | null }
): Sentence {
  if (stepUp) return locale.say('consent.intro.more', { resource })
  return locale.say(manageUrl === null ? 'consent.intro' : 'consent.intro.manage', {})
}

function describeAnswersTo({ redirect, device }: ConsentRequest, locale: PageLocale): ConsentPage['answersTo'] {
  if (redirect === null) {
    const code = device?.userCode ?? ''
    return { kind: 'device', host: code, words: locale.say('consent.answersTo.device', { code: [{ value: code }] }) }
  }
  const { kind } = redirect
  if (kind === 'private-use') {
    const host = cleanName(redirect.host)
    return { kind, host, words: locale.say('consent.answersTo.privateUse', { scheme: [{ value: `${host}:` }] }) }
  }
  const host = asciiHost(redirect.host)
  const words: Sentence = [{ value: host }]
  return { kind, host, words: kind === 'loopback' ? locale.say('consent.answersTo.loopback', { host: words }) : words }
}

function describeOrganizations({ organizations }: ConsentRequest): Pick<ConsentPage, 'organization' | 'organizations'> {
  const named = organizations.map(({ id, name }) => ({ id, name: cleanName(name) || id }))
  return named.length > 1
    ? { organization: null, organizations: named }
    : { organization: named[0]?.name ?? null, organizations: [] }
}

function splitScopes(request: ConsentRequest): { asked: readonly ConsentScope[]; already: readonly ConsentScope[] } {
  const asked = request.scopes.filter(({ granted }) => !granted)
  // Nothing new: then it is an ordinary question about all of it.
  if (!request.stepUp || asked.length === 0) return { asked: request.scopes, already: [] }
  return { asked, already: request.scopes.filter(({ granted }) => granted) }
}

// Rounded up: "at most" has to stay true.
function describeTtl(seconds: number, locale: PageLocale): Sentence {
  if (seconds >= 86_400) return locale.say('consent.until.days', { count: Math.ceil(seconds / 86_400) })
  if (seconds >= 3_600) return locale.say('consent.until.hours', { count: Math.ceil(seconds / 3_600) })
  return locale.say('consent.until.minutes', { count: Math.ceil(seconds / 60) })
}

function consentWords(
  locale: PageLocale,
  { stepUp, firstTime }: { stepUp: boolean; firstTime: boolean }
): ConsentWords {
  return {
    askedBy: locale.word('consent.askedBy'),
    verified: locale.word('consent.verified'),
    notVerified: locale.word('consent.notVerified'),
    familiarity: locale.word(firstTime ? 'consent.firstTime' : 'consent.known'),
    wholeName: locale.word('consent.wholeName'),
    answersTo: locale.word('consent.answersTo'),
    signedInAs: locale.word('consent.signedInAs'),
    switchAccount: locale.word('consent.switchAccount'),
    organization: locale.word('consent.organization'),
    pickOrganization: locale.word('consent.organization.pick'),
    may: locale.word(stepUp ? 'consent.may.more' : 'consent.may'),
    needed: locale.word('consent.needed'),
    irreversible: locale.word('consent.irreversible'),
    allTools: locale.word('consent.tools.all'),
    alreadyAllowed: locale.word('consent.alreadyAllowed'),
    details: locale.word('consent.details'),
    manage: locale.word('consent.manage'),
    deny: locale.word('consent.deny'),
    allow: locale.word('consent.allow')
  }
}
