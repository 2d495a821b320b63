/** Turns a consent request into the model of the page: what a person reads, in the order of reading. */
import type { ConsentRequest, ConsentScope } from '@fastify-mcp-auth/core'
import { cleanName, plainText, type Sentence } from '@fastify-mcp-auth/core/pages'
import { asciiHost, describeClient, quoted } from './client-name.ts'
import type { Frame } from './frame.ts'
import type { PageLocale } from './locales/languages.ts'
import type { ConsentPage, ConsentWords, ScopeLine } from './model.ts'
import { findWarnings } from './warnings.ts'

/** Does not decide anything: what is preselected, required or granted already is the authorization server's word. */
export function describeConsent(
  request: ConsentRequest,
  frame: Frame,
  { locale, ownHost }: { locale: PageLocale; ownHost: string }
): ConsentPage {
  const client = describeClient(request.client, locale)
  const answersTo = describeAnswersTo(request, locale)
  const { asked, already } = splitScopes(request)
  const stepUp = already.length > 0
  const names = request.resources.map(({ name }) => cleanName(name))
  const resource = locale.list(names)
  const named = quoted(client, locale)
  const heading = stepUp
    ? locale.say('consent.heading.more', { client: named, count: asked.length })
    : locale.say('consent.heading', { client: named, resource })
  return {
    ...frame,
    page: 'consent',
    title: plainText(heading),
    heading,
    intro: stepUp ? locale.say('consent.intro.more', { resource }) : locale.say('consent.intro', {}),
    decisionUrl: request.decisionUrl,
    client,
    answersTo,
    account: { ...request.account, displayName: cleanName(request.account.displayName) },
    warnings: findWarnings({
      client,
      named,
      redirect: answersTo,
      ownNames: [frame.brand.name, ...names],
      ownHost,
      locale
    }),
    ...describeOrganizations(request),
    scopes: asked.map(scope => scopeLine(scope, locale)),
    alreadyAllowed: already.map(scope => scopeLine(scope, locale)),
    stepUp,
    until: describeTtl(request.grantTtl, locale),
    words: consentWords(stepUp, locale)
  }
}

function describeAnswersTo({ redirect }: ConsentRequest, locale: PageLocale): ConsentPage['answersTo'] {
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

function scopeLine(scope: ConsentScope, locale: PageLocale): ScopeLine {
  const names = scope.tools.map(tool => tool.replaceAll(/[_-]+/g, ' ')).join(', ')
  return {
    scope: scope.scope,
    description: scope.description,
    detail: scope.detail,
    tools: scope.tools.length === 0 ? null : locale.say('consent.tools', { count: scope.tools.length, names }),
    includes: scope.includes.length === 0 ? null : locale.say('consent.includes', { list: scope.includes.join(' · ') }),
    destructive: scope.destructive,
    required: scope.required,
    checked: scope.required || scope.preselected
  }
}

// Rounded up: "at most" has to stay true.
function describeTtl(seconds: number, locale: PageLocale): Sentence {
  if (seconds >= 86_400) return locale.say('consent.until.days', { count: Math.ceil(seconds / 86_400) })
  if (seconds >= 3_600) return locale.say('consent.until.hours', { count: Math.ceil(seconds / 3_600) })
  return locale.say('consent.until.minutes', { count: Math.ceil(seconds / 60) })
}

function consentWords(stepUp: boolean, locale: PageLocale): ConsentWords {
  return {
    askedBy: locale.word('consent.askedBy'),
    verified: locale.word('consent.verified'),
    notVerified: locale.word('consent.notVerified'),
    wholeName: locale.word('consent.wholeName'),
    answersTo: locale.word('consent.answersTo'),
    signedInAs: locale.word('consent.signedInAs'),
    switchAccount: locale.word('consent.switchAccount'),
    organization: locale.word('consent.organization'),
    pickOrganization: locale.word('consent.organization.pick'),
    may: locale.word(stepUp ? 'consent.may.more' : 'consent.may'),
    needed: locale.word('consent.needed'),
    irreversible: locale.word('consent.irreversible'),
    alreadyAllowed: locale.word('consent.alreadyAllowed'),
    deny: locale.word('consent.deny'),
    allow: locale.word('consent.allow')
  }
}
