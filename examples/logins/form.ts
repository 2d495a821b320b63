/** A login form, and the two checks that every login form needs. Yours looks better. */
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface LoginForm {
  readonly email: string
  readonly password: string
  readonly returnTo: string
}

/** What may be asked of the form by its URL. */
export type LoginQuery = Partial<Record<'returnTo' | 'loginHint', string>>

/** The URL of the form, for the authorization server. */
export function loginUrl({ returnTo, loginHint = '' }: { returnTo: string; loginHint?: string }): string {
  return `/login?${new URLSearchParams({ returnTo, loginHint })}`
}

/** For the route that takes the form: a page of somebody else must not sign people in, as an account of its choice. */
export function onlyOurForms(publicUrl: string) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (request.headers.origin !== publicUrl) await reply.code(403).send('This form is not ours.\n')
  }
}

/** A URL of this app, whatever is asked for. Whole, because a path that begins with two slashes would be another host. */
export function ownUrl(returnTo: unknown, publicUrl: string): string {
  const url = typeof returnTo === 'string' ? URL.parse(returnTo, publicUrl) : null
  return url?.origin === new URL(publicUrl).origin ? url.href : publicUrl
}

export function showForm(reply: FastifyReply, { returnTo = '', loginHint = '' }: LoginQuery, error = ''): FastifyReply {
  return reply
    .headers({ 'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'" })
    .type('text/html; charset=utf-8')
    .send(`<!doctype html><title>Sign in</title>
<p role="alert">${error}</p>
<form method="post" action="/login">
<input type="hidden" name="returnTo" value="${escaped(returnTo)}">
<label>E-mail <input type="email" name="email" value="${escaped(loginHint)}" autocomplete="username" required></label>
<label>Password <input type="password" name="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>`)
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
