/** A login on `@fastify/secure-session`: the browser holds the whole session, encrypted. The server keeps nothing. */
import secureSession from '@fastify/secure-session'
import type { Login } from './app.ts'
import { type LoginForm, type LoginQuery, loginUrl, onlyOurForms, ownUrl, showForm } from './form.ts'

declare module '@fastify/secure-session' {
  interface SessionData {
    accountId: string
    signedInAt: number
  }
}

export const login: Login = async (app, { accounts, publicUrl, sessionKey }) => {
  await app.register(secureSession, {
    key: sessionKey,
    expiry: 12 * 3600,
    cookie: { path: '/', sameSite: 'lax', httpOnly: true, secure: publicUrl.startsWith('https:') }
  })

  app.get<{ Querystring: LoginQuery }>('/login', (request, reply) => showForm(reply, request.query))
  app.post<{ Body: LoginForm }>('/login', { onRequest: onlyOurForms(publicUrl) }, async (request, reply) => {
    const { email, password, returnTo } = request.body
    const account = await accounts.byPassword(email, password)
    if (!account) return showForm(reply.code(403), { returnTo, loginHint: email }, 'That was not right.')
    request.session.regenerate()
    request.session.set('accountId', account.id)
    request.session.set('signedInAt', Math.floor(Date.now() / 1000))
    return reply.redirect(ownUrl(returnTo, publicUrl), 303)
  })

  return {
    async current(request) {
      // The cookie is good until it expires, even if the account is gone: look it up.
      const user = await accounts.find(request.session.get('accountId'))
      return user ? { user, authTime: request.session.get('signedInAt') ?? 0 } : null
    },
    loginUrl,
    subject: account => account.id,
    find: id => accounts.find(id),
    displayName: account => account.email
  }
}
