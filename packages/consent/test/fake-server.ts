/** An authorization server reduced to what the pages ask of it. The real one meets them in the end-to-end tests. */
import type {
  AuthorizationServer,
  ConnectedApp,
  ConnectedApps,
  ConsentRequest,
  ConsentScope,
  DeviceCodeRequest,
  DeviceFinished,
  ErrorPageRenderer,
  LoginRequest,
  Settled,
  SignedInPerson,
  SignOutRequest
} from '@fastify-mcp-auth/core'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions
} from 'fastify'
import consent, { type ConsentOptions } from '../src/index.ts'

type Details = ConsentRequest | LoginRequest | Settled

export interface FakeServer {
  /** What `interactions.details` answers or throws. */
  details: Details | Error
  readonly asked: string[]
  /** Who is signed in, and what this person has connected. */
  person: SignedInPerson | null
  connected: ConnectedApps | Error
  /** What `devices.details` answers or throws. */
  device: DeviceCodeRequest | DeviceFinished | LoginRequest | Error
  /** What `signOuts.details` answers or throws. */
  signOut: SignOutRequest | Settled | Error
  error: ErrorPageRenderer<FastifyRequest, FastifyReply>
  readonly decorator: AuthorizationServer<FastifyRequest, FastifyReply>
}

const unexpected = (): never => {
  throw new Error('the pages must not call this')
}

function orThrow<T>(answer: T | Error): T {
  if (answer instanceof Error) throw answer
  return answer
}

export function fakeServer(
  details: Details | Error = consentRequest(),
  prefix = '/oauth',
  issuer = 'https://notes.example'
): FakeServer {
  const fake: FakeServer = {
    details,
    asked: [],
    person: { subject: 'sub-alice', displayName: 'alice@example.com' },
    connected: { apps: [], now: NOW, cursor: null },
    device: deviceRequest(),
    signOut: signOutRequest(),
    error: unexpected,
    decorator: {
      issuer,
      prefix,
      interactions: {
        client: async () =>
          !(fake.details instanceof Error) && fake.details.status === 'consent' ? fake.details.client : null,
        details: async (_request, handle) => {
          fake.asked.push(handle)
          return orThrow(fake.details)
        },
        approve: unexpected,
        deny: unexpected
      },
      devices: { path: `${prefix}/device`, details: async () => orThrow(fake.device), enter: unexpected },
      signOuts: {
        path: `${prefix}/end_session/confirm`,
        details: async () => orThrow(fake.signOut),
        confirm: unexpected
      },
      people: {
        current: async () => fake.person,
        loginUrl: target => `/login?${new URLSearchParams({ ...target })}`,
        countRequest: async () => {}
      },
      grants: {
        list: unexpected,
        describe: async () => orThrow(fake.connected),
        revoke: unexpected,
        revokeAll: unexpected
      },
      clients: {
        get: unexpected,
        list: unexpected,
        register: unexpected,
        update: unexpected,
        addSecret: unexpected,
        rotateSecret: unexpected,
        removeSecret: unexpected,
        remove: unexpected,
        issueInitialAccessToken: unexpected
      },
      keys: { list: unexpected, rotate: unexpected },
      verifyAccessToken: unexpected,
      looksLikeOurs: unexpected,
      cleanup: unexpected,
      stats: unexpected,
      health: unexpected,
      on: unexpected,
      present: pages => {
        fake.error = pages.error
      }
    }
  }
  return fake
}

/** Noon of a day in 2026. */
const NOW = 1_800_014_400
const DAY = 86_400

/** An app with a verified host, allowed two things three weeks ago. */
export function connectedApp(changes: Partial<ConnectedApp> = {}): ConnectedApp {
  return {
    grantId: 'grant-1',
    client: { clientId: 'https://claude.ai/oauth/client.json', name: 'Claude', names: {}, verifiedHost: 'claude.ai' },
    resources: [{ resource: 'https://notes.example/mcp', name: 'Acme Notes' }],
    organization: null,
    scopes: [
      { scope: 'mcp:tools', description: 'See who you are', destructive: false },
      { scope: 'notes:read', description: 'Read your notes', destructive: false }
    ],
    createdAt: NOW - 21 * DAY,
    lastUsedAt: NOW - 600,
    expiresAt: NOW + 30 * DAY,
    endsAt: NOW + 69 * DAY,
    ...changes
  }
}

/** Somebody came to the page for codes by typing its address. */
export function deviceRequest(changes: Partial<DeviceCodeRequest> = {}): DeviceCodeRequest {
  return {
    status: 'device',
    submitUrl: '/oauth/device',
    userCode: null,
    problem: null,
    account: { displayName: 'alice@example.com', switchUrl: '/login?switch=1' },
    proof: 'proof-1',
    ...changes
  }
}

/** An app led somebody to the sign-out, and wants to have them back. */
export function signOutRequest(changes: Partial<SignOutRequest> = {}): SignOutRequest {
  return {
    status: 'sign_out',
    submitUrl: '/oauth/end_session/confirm',
    request: 'request-1',
    proof: 'proof-1',
    client: { clientId: 'c1', name: 'Acme Board' },
    account: { displayName: 'alice@example.com' },
    redirectHost: 'board.example',
    formAction: "'self' https://board.example",
    ...changes
  }
}

/** Two that are verified or not, and one of another team that may delete. */
export function threeConnectedApps(): ConnectedApps {
  const apps = [
    connectedApp(),
    connectedApp({
      grantId: 'grant-2',
      client: { clientId: 'c2', name: 'My helper', names: {}, verifiedHost: null },
      organization: { id: 'acme', name: 'Acme Inc.' },
      scopes: [{ scope: 'notes:admin', description: 'Delete notes', destructive: true }],
      lastUsedAt: NOW - 3 * DAY
    }),
    connectedApp({
      grantId: 'grant-3',
      client: {
        clientId: 'https://vscode.dev/client.json',
        name: 'Visual Studio Code',
        names: {},
        verifiedHost: 'vscode.dev'
      },
      createdAt: NOW - 80 * DAY,
      lastUsedAt: NOW - 25 * DAY,
      endsAt: NOW + 10 * DAY
    })
  ]
  return { apps, now: NOW, cursor: null }
}

export interface Setup {
  readonly fake?: FakeServer
  readonly options?: ConsentOptions
  readonly fastify?: FastifyServerOptions
  /** Runs before the pages are registered. */
  readonly before?: (app: FastifyInstance) => Promise<void>
  /** Of the scope in which the pages are registered. */
  readonly prefix?: string
}

export async function buildApp({
  fake = fakeServer(),
  options = {},
  fastify = {},
  before,
  prefix = ''
}: Setup = {}): Promise<FastifyInstance> {
  const app = Fastify(fastify)
  app.decorate('authorizationServer', fake.decorator)
  await before?.(app)
  await app.register(async scope => void (await scope.register(consent, options)), { prefix })
  return app
}

type Changes = { readonly [K in keyof ConsentRequest]?: Partial<ConsentRequest[K]> | ConsentRequest[K] }

/** A question by an app with a verified host, which wants three things. */
export function consentRequest(changes: Changes = {}): ConsentRequest {
  const request: ConsentRequest = {
    status: 'consent',
    decisionUrl: '/oauth/interaction/handle-1',
    client: {
      clientId: 'https://claude.ai/oauth/client.json',
      name: 'Claude',
      names: {},
      verifiedHost: 'claude.ai',
      clientUri: null,
      logoUri: null,
      policyUri: null,
      tosUri: null
    },
    redirect: {
      uri: 'https://claude.ai/callback',
      kind: 'https',
      host: 'claude.ai',
      formAction: 'https://claude.ai'
    },
    device: null,
    organizations: [],
    resources: [{ resource: 'https://notes.example/mcp', name: 'Acme Notes' }],
    scopes: [
      scope('mcp:tools', 'See who you are', { detail: 'Your name and e-mail address', required: true }),
      scope('notes:read', 'Read your notes', { tools: ['list_notes', 'search', 'open'] }),
      scope('notes:admin', 'Delete notes', { tools: ['delete_all_notes'], destructive: true, preselected: false })
    ],
    stepUp: false,
    firstTime: false,
    account: { displayName: 'alice@example.com', switchUrl: '/login?switch=1', proof: 'proof-1' },
    uiLocales: [],
    display: null,
    grantTtl: 90 * 86_400,
    expiresAt: 1_800_000_000
  }
  for (const [key, change] of Object.entries(changes)) {
    const before: unknown = Reflect.get(request, key)
    const merge = [before, change].every(one => typeof one === 'object' && one !== null && !Array.isArray(one))
    Reflect.set(request, key, merge ? { ...(before as object), ...(change as object) } : change)
  }
  return request
}

export function scope(
  name: string,
  description: ConsentScope['description'],
  more: Partial<ConsentScope> = {}
): ConsentScope {
  return {
    scope: name,
    description,
    detail: null,
    tools: [],
    includes: [],
    destructive: false,
    required: false,
    preselected: true,
    granted: false,
    ...more
  }
}

/** An app that nobody vouches for, on the person's own computer. */
export const unverified: Changes = {
  client: { name: 'My helper', clientId: 'c1', verifiedHost: null },
  redirect: {
    uri: 'http://127.0.0.1:33418/callback',
    kind: 'loopback',
    host: '127.0.0.1',
    formAction: 'http://127.0.0.1:33418'
  }
}

/** The page at a handle, without the room between tags. */
export async function openPage(
  setup: Setup = {}
): Promise<{ html: string; headers: Record<string, unknown>; statusCode: number }> {
  const app = await buildApp(setup)
  const { body, headers, statusCode } = await app.inject('/oauth/interaction/handle-1')
  await app.close()
  return { html: body.replace(/\s*\n\s*/g, ''), headers, statusCode }
}
