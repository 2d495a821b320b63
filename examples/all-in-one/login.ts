/** Sign in and sign out: a form, no script, nothing that tells whether a name exists. */
import formbody from '@fastify/formbody'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type Accounts, DEMO_ACCOUNTS } from './accounts.ts'
import type { FormTokens } from './form-token.ts'
import { type Html, html, sendPage } from './page.ts'
import { safeReturnTo } from './return-to.ts'
import type { Sessions } from './sessions.ts'

export interface LoginOptions {
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly formTokens: FormTokens
  /** Path of the page where a sign-out ends. */
  readonly signedOut: string
}

const MAX_NAME = 64

/** The link to this page for the authorization server. A hint that cannot be a name here comes from the client, and is dropped. */
export function loginUrl({ returnTo, loginHint = '' }: { returnTo: string; loginHint?: string }): string {
  const isHint = loginHint !== '' && loginHint.length <= MAX_NAME
  const query = new URLSearchParams({ returnTo, ...(isHint ? { login_hint: loginHint } : {}) })
  return `/login?${query}`
}

const LoginQuery = Type.Object({
  returnTo: Type.Optional(Type.String()),
  login_hint: Type.Optional(Type.String({ maxLength: MAX_NAME }))
})

// Bounds: a password of a megabyte would keep a processor busy for whoever wishes so.
const LoginForm = Type.Object({
  username: Type.String({ maxLength: MAX_NAME }),
  password: Type.String({ maxLength: 256 }),
  form_token: Type.String({ maxLength: 64 }),
  return_to: Type.Optional(Type.String())
})

const LogoutForm = Type.Object({ form_token: Type.String({ maxLength: 64 }) })

export async function login(app: FastifyInstance, options: LoginOptions): Promise<void> {
  const { accounts, sessions, formTokens } = options
  await app.register(formbody, { bodyLimit: 16_384 })
  await app.register(rateLimit, { global: false })
  app.setErrorHandler(showError)

  app.get<{ Querystring: Static<typeof LoginQuery> }>(
    '/login',
    { schema: { querystring: LoginQuery } },
    (request, reply) =>
      showForm(reply, {
        formToken: formTokens.issue(request, reply),
        returnTo: safeReturnTo(request.query.returnTo),
        username: request.query.login_hint ?? ''
      })
  )

  app.post<{ Body: Static<typeof LoginForm> }>(
    '/login',
    { schema: { body: LoginForm }, config: { rateLimit: { max: 100, timeWindow: '1 minute' } } },
    async (request, reply) => {
      const { username, password, form_token, return_to } = request.body
      const returnTo = safeReturnTo(return_to)
      const formToken = formTokens.issue(request, reply)
      if (!formTokens.verify(request, form_token))
        return showForm(reply.code(403), { formToken, returnTo, username, error: STALE })
      const account = await accounts.verifyPassword(username, password)
      if (!account) return showForm(reply.code(403), { formToken, returnTo, username, error: WRONG })
      await sessions.start(request, reply, account.id)
      return reply.redirect(returnTo, 303)
    }
  )

  app.post<{ Body: Static<typeof LogoutForm> }>('/logout', { schema: { body: LogoutForm } }, async (request, reply) => {
    if (formTokens.verify(request, request.body.form_token)) await sessions.end(request, reply)
    return reply.redirect(options.signedOut, 303)
  })
}

const STALE = 'This page was open for too long. Please sign in again.'
const WRONG = 'The name or the password is not right.'

function showForm(
  reply: FastifyReply,
  form: { formToken: string; returnTo: string; username: string; error?: string }
): FastifyReply {
  const error: Html = form.error === undefined ? html`` : html`<p class="error" role="alert">${form.error}</p>`
  return sendPage(reply, {
    title: 'Sign in',
    body: html`<h1>Sign in</h1>
${error}
<form method="post" action="/login">
<input type="hidden" name="form_token" value="${form.formToken}">
<input type="hidden" name="return_to" value="${form.returnTo}">
<label for="username">Name</label>
<input id="username" name="username" value="${form.username}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="${MAX_NAME}" required>
<label for="password">Password</label>
<input id="password" type="password" name="password" autocomplete="current-password" maxlength="256" required>
<button>Sign in</button>
</form>
<p class="soft">This is a demo. Its accounts are ${demoAccounts()}.</p>`
  })
}

function demoAccounts(): Html {
  const [first, second] = DEMO_ACCOUNTS.map(
    ({ username, password }) => html`<code>${username}</code> / <code>${password}</code>`
  )
  return html`${first ?? ''} and ${second ?? ''}`
}

/** The forms are the only way in, so a person sees this only when something is broken or somebody tries things out. */
function showError(error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500
  if (status >= 500) request.log.error(error)
  const text =
    status === 429
      ? 'There were too many attempts. Wait a minute and try again.'
      : 'That did not work. Go back and try again.'
  return sendPage(reply.code(status), {
    title: 'Sorry',
    body: html`<h1>Sorry</h1><p>${text}</p><p class="soft">Reference: <code>${request.id}</code></p>`
  })
}
