/** One line of arrangement: an app with the authorization server, a tiny login, a tiny consent page, and a client for it. */
import { type ConsentRequest, isInteractionError, isOAuthError } from '@fastify-mcp-auth/core'
import {
  createOAuthClient,
  formWith,
  type OAuthClient,
  type OAuthClientOptions,
  type Page,
  settableClock
} from '@fastify-mcp-auth/testing'
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import authorizationServer, { type AuthorizationServerOptions } from '../src/index.ts'
import { issuerStorage } from '../src/issuer-storage.ts'
import { openRecords, type Records } from '../src/records.ts'
import { type ObservableStorage, observableStorage } from './observable-storage.ts'

export const ORIGIN = 'http://127.0.0.1:3000'
export const RESOURCE = `${ORIGIN}/mcp`
export const CALLBACK = 'http://127.0.0.1:49152/callback'

export interface BuildOptions {
  /** Added to the options of the plugin, or put in their place. */
  options?: Partial<AuthorizationServerOptions>
  storage?: ObservableStorage
  /** Added to the user adapter. */
  users?: Partial<AuthorizationServerOptions['users']>
  /** What the host registers before the plugin, and after it. */
  before?: (app: FastifyInstance) => unknown
  after?: (app: FastifyInstance) => unknown
  fastify?: FastifyServerOptions
  /** Error pages as plain text. */
  plainErrors?: boolean
}

export interface Accounts {
  /** Accounts that `find` does not know any more. */
  gone: Set<string>
  /** When an account signed in by the form; one that did not is always fresh. */
  signedInAt: Map<string, number>
  /** Thrown by `current`, `find` and `claims`. */
  failure: unknown
}

export interface TestServer {
  readonly app: FastifyInstance
  readonly storage: ObservableStorage
  readonly clock: ReturnType<typeof settableClock>
  readonly accounts: Accounts
  /** Every line of the log, at trace. */
  readonly log: string[]
  /** A new client with a browser of its own; alice unless told otherwise. */
  client(options?: Partial<OAuthClientOptions>): OAuthClient
}

export const RESOURCES: AuthorizationServerOptions['resources'] = {
  [RESOURCE]: {
    name: 'Notes',
    scopes: {
      'notes:read': 'Read your notes',
      'notes:write': 'Write notes',
      'notes:admin': { description: 'Delete notes', destructive: true, implies: ['notes:read', 'notes:write'] }
    },
    defaultScopes: ['notes:read', 'notes:write']
  }
}

export async function buildServer(t: Test, build: BuildOptions = {}): Promise<TestServer> {
  const storage = build.storage ?? observableStorage()
  const clock = settableClock(1_800_000_000)
  const accounts: Accounts = { gone: new Set(), signedInAt: new Map(), failure: null }
  const log: string[] = []
  const logger = { level: 'trace', stream: { write: (line: string) => void log.push(line) } }
  const app = Fastify({ logger, ...build.fastify })
  t.teardown(() => app.close())
  await build.before?.(app)
  const options: AuthorizationServerOptions = {
    issuer: ORIGIN,
    storage,
    users: { ...usersOf(accounts, clock), ...build.users },
    resources: RESOURCES,
    rateLimit: false,
    clock,
    fetch: async () => {
      throw new Error('nothing may be fetched in this test')
    },
    ...build.options
  }
  await app.register(authorizationServer, options)
  await build.after?.(app)
  await app.register(person, { prefix: '', signIn: user => void accounts.signedInAt.set(user, clock.now()) })
  if (!build.plainErrors)
    app.authorizationServer.present({
      error: async page => ({
        html: `<h1>error page</h1><p>${JSON.stringify(page)}</p>`,
        headers: { 'x-page': 'drawn' }
      })
    })
  await app.ready()
  const client = (more: Partial<OAuthClientOptions> = {}): OAuthClient =>
    createOAuthClient({
      app,
      resource: RESOURCE,
      issuer: options.issuer,
      redirectUri: CALLBACK,
      username: 'alice',
      password: 'pw',
      ...more
    })
  return { app, storage, clock, accounts, log, client }
}

/** What the server at the usual place has stored. */
export function recordsOf({ storage }: Pick<TestServer, 'storage'>): Records {
  return openRecords(issuerStorage(storage, ORIGIN))
}

/** Opens an authorization URL and signs in where a login form appears. */
export async function openSignedIn(client: OAuthClient, url: string): Promise<Page> {
  const page = await client.browser.open(url)
  return formWith(page, 'password') ? client.login(page) : page
}

/** What the consent page was told. */
export function modelOf(page: Page): ConsentRequest {
  return JSON.parse(/<pre>(.*)<\/pre>/.exec(page.body)?.[1] ?? '{}')
}

/** The model of any page. */
export function shownBy(page: Page): Record<string, unknown> {
  return JSON.parse(/<pre>(.*)<\/pre>/.exec(page.body)?.[1] ?? '{}')
}

/** Why something was refused, in the word for the log; `accepted` when it was not. */
export async function refusalOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return 'accepted'
  } catch (error) {
    if (isOAuthError(error)) return error.reason
    throw error
  }
}

/** What an app must not say about its tokens. */
const FORGED = {
  sub: 'x',
  aud: 'x',
  iss: 'x',
  exp: 1,
  iat: 1,
  nbf: 9e12,
  jti: 'x',
  cnf: {},
  act: {},
  may_act: {},
  scope: 'x'
}

/** Account name of the session cookie: an app's own login, as small as it gets. */
function accountOf(request: FastifyRequest): string | null {
  return /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? null
}

function query(target: object): URLSearchParams {
  return new URLSearchParams(Object.entries(target).map(([name, value]): [string, string] => [name, String(value)]))
}

export function usersOf(accounts: Accounts, clock: { now(): number }): AuthorizationServerOptions['users'] {
  const fail = (): void => {
    if (accounts.failure !== null) throw accounts.failure
  }
  return {
    current(request) {
      fail()
      const user = accountOf(request)
      return user === null ? null : { user, authTime: accounts.signedInAt.get(user) ?? clock.now() }
    },
    loginUrl: target => `/login?${query(target)}`,
    subject: user => `sub-${user}`,
    find(subject) {
      fail()
      return accounts.gone.has(subject) ? null : subject.slice(4)
    },
    claims: user => ({ name: user, ...FORGED }),
    displayName: user => String(user)
  }
}

/** Login and consent page. Forms are read in a scope of their own, as an app without formbody would. */
async function person(app: FastifyInstance, { signIn }: { signIn: (user: string) => void }): Promise<void> {
  await app.register(loginPage, { signIn })
  await app.register(consentPage)
}

/** Signs in whoever says so. */
export async function loginPage(
  app: FastifyInstance,
  { signIn }: { signIn?: (user: string) => void } = {}
): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body))))
  )
  app.get<{ Querystring: { returnTo?: string } }>('/login', async (request, reply) =>
    reply.type('text/html').send(
      html(`<form method="post" action="/login"><input type="hidden" name="returnTo" value="${request.query.returnTo}">
        <input type="text" name="username"><input type="password" name="password"><button>Sign in</button></form>`)
    )
  )
  app.post<{ Body: { username: string; returnTo: string } }>('/login', async (request, reply) => {
    signIn?.(request.body.username)
    return reply.header('set-cookie', `session=${request.body.username}; Path=/`).redirect(request.body.returnTo, 303)
  })
}

const html = (body: string): string => `<!doctype html><html><body>${body}</body></html>`

/** The page of the authorization server in this scope. */
export async function consentPage(app: FastifyInstance): Promise<void> {
  const { prefix, interactions, devices, signOuts } = app.authorizationServer
  if (signOuts)
    app.get(signOuts.path, async (request, reply) => {
      const model = await signOuts.details(request, reply)
      if (model.status === 'settled') return reply.redirect(model.redirectTo, 303)
      const fields = `<input type="hidden" name="request" value="${model.request}"><input type="hidden" name="proof" value="${model.proof}">`
      const buttons = ['sign_out', 'stay'].map(value => `<button name="decision" value="${value}">${value}</button>`)
      const form = `<form method="post" action="${model.submitUrl}">${fields}${buttons.join('')}</form>`
      return reply.type('text/html').send(html(`<pre>${JSON.stringify(model)}</pre>${form}`))
    })
  if (devices)
    app.get(devices.path, async (request, reply) => {
      const model = await devices.details(request, reply)
      if (model.status === 'login') return reply.redirect(model.loginUrl, 303)
      const form =
        model.status === 'device'
          ? `<form method="post" action="${model.submitUrl}"><input type="text" name="user_code" value="${model.userCode ?? ''}">
              <input type="hidden" name="proof" value="${model.proof}"><button>Next</button></form>`
          : ''
      return reply.type('text/html').send(html(`<pre>${JSON.stringify(model)}</pre>${form}`))
    })
  app.get<{ Params: { handle: string } }>(`${prefix}/interaction/:handle`, async (request, reply) => {
    try {
      const model = await interactions.details(request, request.params.handle)
      if (model.status !== 'consent')
        return reply.redirect(model.status === 'login' ? model.loginUrl : model.redirectTo, 303)
      const radios = model.organizations.map(({ id }) => `<input type="radio" name="organization" value="${id}">`)
      const boxes = model.scopes.map(
        ({ scope, required, preselected }) =>
          `<input type="checkbox" name="scope" value="${scope}"${preselected ? ' checked' : ''}${required ? ' disabled' : ''}>`
      )
      return reply.type('text/html').send(
        html(`<pre>${JSON.stringify(model)}</pre><form method="post" action="${model.decisionUrl}">${boxes.join('')}${radios.join('')}
          <input type="hidden" name="account" value="${model.account.proof}">
          <button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form>`)
      )
    } catch (error) {
      if (!isInteractionError(error)) throw error
      return reply.code(error.statusCode).send({ reason: error.reason })
    }
  })
}
