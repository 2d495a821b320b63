/** A login on `@fastify/session`: the browser holds a signed id, the rest is in a store on the server. */
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import type { Login } from './app.ts'
import { type LoginForm, type LoginQuery, loginUrl, onlyOurForms, ownUrl, showForm } from './form.ts'

declare module 'fastify' {
  interface Session {
    accountId?: string
    signedInAt?: number
  }
}

export const login: Login = async (app, { accounts, publicUrl, sessionKey }) => {
  await app.register(cookie)
  await app.register(session, {
    secret: sessionKey.toString('base64'),
    saveUninitialized: false,
    // Not 'strict': a person who comes from the page of an assistant would seem to be signed out.
    cookie: { sameSite: 'lax', httpOnly: true, secure: publicUrl.startsWith('https:') }
    // store: one that all processes share. Without it sessions are lost at a restart.
  })

  app.get<{ Querystring: LoginQuery }>('/login', (request, reply) => showForm(reply, request.query))
  app.post<{ Body: LoginForm }>('/login', { onRequest: onlyOurForms(publicUrl) }, async (request, reply) => {
    const { email, password, returnTo } = request.body
    const account = await accounts.byPassword(email, password)
    if (!account) return showForm(reply.code(403), { returnTo, loginHint: email }, 'That was not right.')
    // A new id: one that somebody planted before the sign-in is worth nothing after it.
    await request.session.regenerate()
    request.session.set('accountId', account.id)
    request.session.set('signedInAt', Math.floor(Date.now() / 1000))
    return reply.redirect(ownUrl(returnTo, publicUrl), 303)
  })

  return {
    async current(request) {
      const user = await accounts.find(request.session.get('accountId'))
      return user ? { user, authTime: request.session.get('signedInAt') ?? 0 } : null
    },
    loginUrl,
    subject: account => account.id,
    find: id => accounts.find(id),
    displayName: account => account.email
  }
}
