/** The front page: what this is, who is signed in, how to connect. */
import type { FastifyInstance } from 'fastify'
import type { Accounts } from './accounts.ts'
import type { FormTokens } from './form-token.ts'
import { type Html, html, sendPage } from './page.ts'
import type { Sessions } from './sessions.ts'

export interface HomeOptions {
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly formTokens: FormTokens
  readonly resource: string
  /** Path of the page of connected apps. */
  readonly connectedApps: string
}

export async function home(
  app: FastifyInstance,
  { accounts, sessions, formTokens, resource, connectedApps }: HomeOptions
): Promise<void> {
  app.get('/', async (request, reply) => {
    const session = await sessions.current(request)
    const account = session ? await accounts.find(session.accountId) : null
    const state: Html = account
      ? html`<p>You are signed in as <strong>${account.displayName}</strong>. See which <a href="${connectedApps}">apps are connected</a>.</p>
<form method="post" action="/logout">
<input type="hidden" name="form_token" value="${formTokens.issue(request, reply)}">
<button class="quiet">Sign out</button>
</form>`
      : html`<p><a href="/login">Sign in</a> to see it work, or let your assistant bring you here.</p>`
    return sendPage(reply, {
      title: 'Welcome',
      body: html`<h1>A notebook for you and your assistant</h1>
<p>Assistants reach your notes at <code>${resource}</code>, after you allowed it.</p>
${state}`
    })
  })
}
