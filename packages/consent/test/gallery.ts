/**
 * Every page as it can be met, by name: looked at by axe in every language, light and dark, wide and narrow, and photographed for the
 * documentation. A page more is one entry more.
 */
import { readFileSync } from 'node:fs'
import type { SafeFetch } from '@fastify-mcp-auth/core'
import { InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyInstance } from 'fastify'
import { freePort } from '../../../.ci/free-port.ts'
import type { ListedTool } from '../src/index.ts'
import {
  buildApp,
  connectedApp,
  consentRequest,
  deviceRequest,
  type FakeServer,
  fakeServer,
  scope,
  signOutRequest,
  threeConnectedApps,
  unverified
} from './fake-server.ts'

/** What is made true before a page is opened. */
export interface Exhibit {
  /** Path; the consent page when left out. */
  readonly path?: string
  readonly arrange: (fake: FakeServer) => void
  /** What is in it does not change with the language. */
  readonly onlyEnglish?: boolean
}

const HANDLE = '/oauth/interaction/handle-1'
const LONG = 'Wonderful_assistant_of_a_company_with_a_name_that_does_not_end_'.repeat(3)

const asked = (changes?: Parameters<typeof consentRequest>[0]): Exhibit => ({
  arrange: fake => {
    fake.details = consentRequest(changes)
  }
})

const failed = (...failure: ConstructorParameters<typeof InteractionError>): Exhibit => ({
  arrange: fake => {
    fake.details = new InteractionError(...failure)
  }
})

const ALICE = { subject: 'sub-alice', displayName: 'alice@example.com' }

const signedOut = (person: FakeServer['person']): Exhibit => ({
  path: '/signed-out',
  arrange: fake => {
    fake.person = person
  }
})

const device = (asked: FakeServer['device']): Exhibit => ({
  path: '/oauth/device',
  arrange: fake => {
    fake.device = asked
  }
})

const signOut = (asked: FakeServer['signOut']): Exhibit => ({
  path: '/oauth/end_session/confirm',
  arrange: fake => {
    fake.signOut = asked
  }
})

const connected = (apps: FakeServer['connected']): Exhibit => ({
  path: '/connected-apps',
  arrange: fake => {
    fake.person = ALICE
    fake.connected = apps
  }
})

/** What a team writes for its permissions, in the languages of its people. */
const WORDS = {
  who: {
    en: 'See who you are',
    de: 'Sehen, wer Sie sind',
    fr: 'Voir qui vous êtes',
    es: 'Ver quién eres',
    ar: 'معرفة من أنت',
    ja: 'あなたが誰であるかを確認',
    'zh-Hans': '查看您是谁'
  },
  name: {
    en: 'Your name and e-mail address',
    de: 'Ihren Namen und Ihre E-Mail-Adresse',
    fr: 'Votre nom et votre adresse e-mail',
    es: 'Tu nombre y tu correo electrónico',
    ar: 'اسمك وبريدك الإلكتروني',
    ja: '名前とメールアドレス',
    'zh-Hans': '您的姓名和电子邮箱'
  },
  read: {
    en: 'Read your notes',
    de: 'Ihre Notizen lesen',
    fr: 'Lire vos notes',
    es: 'Leer tus notas',
    ar: 'قراءة ملاحظاتك',
    ja: 'ノートを読む',
    'zh-Hans': '读取您的笔记'
  },
  write: {
    en: 'Change your notes',
    de: 'Ihre Notizen ändern',
    fr: 'Modifier vos notes',
    es: 'Cambiar tus notas',
    ar: 'تعديل ملاحظاتك',
    ja: 'ノートを変更',
    'zh-Hans': '修改您的笔记'
  },
  delete: {
    en: 'Delete notes',
    de: 'Notizen löschen',
    fr: 'Supprimer des notes',
    es: 'Borrar notas',
    ar: 'حذف الملاحظات',
    ja: 'ノートを削除',
    'zh-Hans': '删除笔记'
  }
} as const

/** An app of a known publisher, new here, with a logo. */
const verified = {
  client: {
    logoUri: 'https://claude.ai/logo.png',
    clientUri: 'https://claude.ai/',
    policyUri: 'https://claude.ai/privacy',
    tosUri: 'https://claude.ai/terms'
  },
  firstTime: true,
  scopes: [
    scope('mcp:tools', WORDS.who, { detail: WORDS.name, required: true }),
    scope('notes:read', WORDS.read),
    scope('notes:write', WORDS.write),
    scope('notes:admin', WORDS.delete, { destructive: true, preselected: false })
  ]
} as const

const stepUp = {
  stepUp: true,
  scopes: [
    scope('mcp:tools', 'See who you are', { detail: 'Your name', required: true, granted: true }),
    scope('notes:read', 'Read your notes', { granted: true }),
    scope('notes:admin', 'Delete notes', { destructive: true })
  ]
} as const

const organizations = [
  { id: 'acme', name: 'Acme GmbH' },
  { id: 'globex', name: 'Globex' }
]

/** What a device shows. */
const CODE = { userCode: 'WDJB-MJHT', requestedAt: 1_800_014_400 }

/** Every kind of page once; what is long, hostile or strange on top. */
export const GALLERY: { readonly [name: string]: Exhibit } = {
  consent: asked(verified),
  'consent-unverified': asked({ ...unverified, firstTime: true, organizations }),
  'consent-first-time': asked({ client: { name: 'My helper', verifiedHost: null }, firstTime: true }),
  'consent-app-link': asked({
    redirect: { uri: 'cursor://x/callback', kind: 'private-use', host: 'cursor', formAction: 'cursor:' },
    organizations: organizations.slice(0, 1)
  }),
  'consent-step-up': asked(stepUp),
  'consent-imitation': {
    ...asked({ client: { name: 'Аcme Nоtes Support', verifiedHost: null } }),
    onlyEnglish: true
  },
  'consent-long': {
    ...asked({
      client: { name: LONG, verifiedHost: null },
      redirect: { uri: `https://${LONG}`, kind: 'https', host: `${'a'.repeat(60)}.example`, formAction: '' },
      account: { displayName: `${'x'.repeat(64)}@${'y'.repeat(60)}.example`, switchUrl: '/login', proof: 'p' },
      resources: [{ resource: 'https://notes.example/mcp', name: LONG }],
      organizations: [...organizations, { id: 'long', name: LONG }],
      scopes: [
        scope('a', LONG, { detail: LONG, tools: [LONG, LONG, ...'abcdefgh'], destructive: true, required: true }),
        scope('notes:read', 'Read your notes')
      ]
    }),
    onlyEnglish: true
  },
  'consent-right-to-left-name': {
    ...asked({ client: { name: 'مساعد الملاحظات 👩‍💻', verifiedHost: null } }),
    onlyEnglish: true
  },
  'connected-apps': connected(threeConnectedApps()),
  'connected-apps-none': connected({ ...threeConnectedApps(), apps: [] }),
  'connected-apps-long': {
    ...connected({
      ...threeConnectedApps(),
      apps: [connectedApp({ client: { clientId: 'c', name: LONG, names: {}, verifiedHost: null } })],
      cursor: 'next'
    }),
    onlyEnglish: true
  },
  'consent-device': asked({ ...unverified, redirect: null, device: CODE }),
  device: device(deviceRequest()),
  'device-wrong': device(deviceRequest({ problem: 'unknown' })),
  'device-expired': device(deviceRequest({ problem: 'expired' })),
  'device-used': device(deviceRequest({ problem: 'used' })),
  'device-compare': device(deviceRequest({ userCode: CODE.userCode })),
  'device-allowed': device({ status: 'device_finished', outcome: 'allowed', client: consentRequest().client }),
  'device-denied': device({ status: 'device_finished', outcome: 'denied', client: consentRequest().client }),
  'sign-out': signOut(signOutRequest()),
  'sign-out-nobody': signOut(signOutRequest({ client: null, redirectHost: null })),
  'sign-out-long': {
    ...signOut(
      signOutRequest({
        client: { clientId: 'c', name: LONG },
        account: { displayName: `${'x'.repeat(64)}@${'y'.repeat(60)}.example` },
        redirectHost: `${'a'.repeat(60)}.example`
      })
    ),
    onlyEnglish: true
  },
  'signed-out': signedOut(null),
  'signed-out-not': signedOut(ALICE),
  error: failed('interaction_expired', { clientName: 'Claude' }),
  'error-forgotten': failed('client_forgotten', { clientName: LONG })
}

/** As an MCP server lists them; whom they belong to stands in `scopes`, because no resource server is here. */
const TOOLS: readonly ListedTool[] = [
  { name: 'whoami', title: 'Who am I', scopes: ['mcp:tools'] },
  { name: 'list_notes', annotations: { readOnlyHint: true }, scopes: ['notes:read'] },
  { name: 'search', annotations: { readOnlyHint: true }, scopes: ['notes:read'] },
  { name: 'open', annotations: { readOnlyHint: true }, scopes: ['notes:read'] },
  { name: 'add_note', title: 'Add a note', scopes: ['notes:write'] },
  {
    name: 'overwrite_note',
    title: 'Overwrite a note',
    annotations: { destructiveHint: true },
    scopes: ['notes:write']
  },
  { name: 'delete_all_notes', annotations: { destructiveHint: true }, scopes: ['notes:admin'] }
]

const LOGO = readFileSync(new URL('logo.png', import.meta.url))

const fetchLogo: SafeFetch = async () => ({ status: 200, headers: {}, body: LOGO })

const LINKS = [
  {
    text: {
      en: 'Privacy',
      de: 'Datenschutz',
      fr: 'Confidentialité',
      es: 'Privacidad',
      ja: 'プライバシー',
      ar: 'الخصوصية',
      'zh-Hans': '隐私'
    },
    url: '/privacy'
  },
  {
    text: { en: 'Help', de: 'Hilfe', fr: 'Aide', es: 'Ayuda', ja: 'ヘルプ', ar: 'مساعدة', 'zh-Hans': '帮助' },
    url: '/help'
  }
]

/** An app that shows the gallery. @param accent of the brand; a pale one is the hard case for contrast */
export async function openGallery(
  accent?: string
): Promise<{ app: FastifyInstance; fake: FakeServer; origin: string }> {
  const port = await freePort()
  // The pages name images by the issuer, so it has to be the origin.
  const origin = `http://127.0.0.1:${port}`
  const fake = fakeServer(undefined, undefined, origin)
  const app = await buildApp({
    fake,
    options: {
      brand: { name: 'Acme Notes', ...(accent === undefined ? {} : { accent }), links: LINKS },
      connectedApps: '/connected-apps',
      signedOut: '/signed-out',
      tools: () => TOOLS,
      fetch: fetchLogo
    }
  })
  await app.listen({ host: '127.0.0.1', port })
  return { app, fake, origin }
}

export function pathOf({ path = HANDLE }: Exhibit): string {
  return path
}
