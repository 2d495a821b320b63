/** Made-up questions with everything in them that a page can be asked to show, for the check of templates. */
import type { ConsentRequest, ConsentScope, DeviceCodeRequest, SignOutRequest } from '@fastify-mcp-auth/core'
import { describeBrand } from '@fastify-mcp-auth/core/pages'
import { describeConsent } from './consent-page.ts'
import { describeDevice } from './device-page.ts'
import type { PageLocale } from './locales/languages.ts'
import type { ConsentPage, DevicePage, SignOutPage } from './model.ts'
import { describeSignOut } from './sign-out-page.ts'

/** Markup in every value that comes from outside: a page that prints it as markup is found out. */
const strange = (name: string): string => `${name} <probe-${name}>"'&`

/** Every page that asks for something, in every way that it can ask. */
export function probePages(locale: PageLocale): (ConsentPage | DevicePage | SignOutPage)[] {
  const { lang, dir } = locale
  const brand = describeBrand({ name: strange('brand') }, '', lang)
  const frame = { version: 1, lang, dir, stylesheetUrl: '/probe.css', brand } as const
  const context = {
    locale,
    ownHost: 'own.example',
    logoUrl: '/probe-logo',
    manageUrl: '/probe-manage',
    tools: new Map()
  }
  const device = { redirect: null, device: { userCode: 'PRBE-CODE', requestedAt: 1_800_000_000 } }
  return [
    ...[question(false), question(true), { ...question(false), ...device }].map(asked =>
      describeConsent(asked, frame, context)
    ),
    ...[deviceCode(null), deviceCode('PRBE-CODE')].map(asked => describeDevice(asked, { frame, locale })),
    describeSignOut(SIGN_OUT, { frame, locale })
  ]
}

function deviceCode(userCode: string | null): DeviceCodeRequest {
  return {
    status: 'device',
    submitUrl: '/probe-submit?a&b',
    userCode,
    problem: userCode === null ? 'unknown' : null,
    account: { displayName: strange('account'), switchUrl: '/probe-switch?a&b' },
    proof: 'probe-proof'
  }
}

const SIGN_OUT: SignOutRequest = {
  status: 'sign_out',
  submitUrl: '/probe-submit?a&b',
  request: 'probe-request',
  proof: 'probe-proof',
  client: { clientId: 'probe', name: strange('client') },
  account: { displayName: strange('account') },
  redirectHost: 'probe-answer.example',
  formAction: "'self'"
}

function question(stepUp: boolean): ConsentRequest {
  return {
    status: 'consent',
    decisionUrl: '/probe-decision?a&b',
    client: {
      clientId: 'probe',
      name: strange('client'),
      names: {},
      verifiedHost: stepUp ? 'probe-publisher.example' : null,
      clientUri: null,
      logoUri: null,
      policyUri: null,
      tosUri: null
    },
    // The host stands in the details too, so those get another one: it must be where people look.
    device: null,
    redirect: { uri: 'probe:', kind: 'loopback', host: 'probe-answer.example', formAction: 'probe:' },
    resources: [{ resource: 'https://probe.example/mcp', name: strange('resource') }],
    organizations: ['one', 'two'].map(id => ({ id: strange(`id-${id}`), name: strange(`organization-${id}`) })),
    scopes: [
      scope('needed', { required: true }),
      scope('dangerous', { destructive: true, preselected: false }),
      scope('granted', { granted: true })
    ],
    stepUp,
    firstTime: !stepUp,
    account: { displayName: strange('account'), switchUrl: '/probe-switch?a&b', proof: 'probe-proof' },
    uiLocales: [],
    display: null,
    grantTtl: 90 * 86_400,
    expiresAt: 1_800_000_000
  }
}

function scope(name: string, more: Partial<ConsentScope>): ConsentScope {
  return {
    scope: `probe:${name}`,
    description: strange(`scope-${name}`),
    detail: strange(`detail-${name}`),
    tools: [strange(`tool-${name}`)],
    includes: [strange(`included-${name}`)],
    destructive: false,
    required: false,
    preselected: true,
    granted: false,
    ...more
  }
}
