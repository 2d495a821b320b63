/** A login by `@fastify/passport`, here with `passport-local`. Every other strategy fits in the same place. */
import cookie from '@fastify/cookie'
import { Authenticator } from '@fastify/passport'
import session from '@fastify/session'
import { Strategy } from 'passport-local'
import type { Account } from './accounts.ts'
import type { Login } from './app.ts'
import { type LoginForm, type LoginQuery, loginUrl, onlyOurForms, ownUrl, showForm } from './form.ts'

declare module 'fastify' {
  interface PassportUser extends Account {}
  interface Session {
    signedInAt?: number
  }
}

export const login: Login = async (app, { accounts, publicUrl, sessionKey }) => {
  await app.register(cookie)
  await app.register(session, {
    secret: sessionKey.toString('base64'),
    saveUninitialized: false,
    cookie: { sameSite: 'lax', httpOnly: true, secure: publicUrl.startsWith('https:') }
  })

  const passport = new Authenticator()
  await app.register(passport.initialize())
  await app.register(passport.secureSession())
  passport.registerUserSerializer(async (account: Account) => account.id)
  passport.registerUserDeserializer((id: string) => accounts.find(id))
  passport.use(
    new Strategy({ usernameField: 'email' }, (email, password, done) => {
      accounts.byPassword(email, password).then(account => done(null, account ?? false), done)
    })
  )

  app.get<{ Querystring: LoginQuery }>('/login', (request, reply) => showForm(reply, request.query))
  const preValidation = passport.authenticate('local', async (request, reply, error, account) => {
    if (error) throw error
    const { email, returnTo } = request.body as LoginForm
    if (!account) return showForm(reply.code(403), { returnTo, loginHint: email }, 'That was not right.')
    // Under a new session id. Passport does not keep the time, which `max_age` and `prompt=login` need.
    await request.logIn(account)
    request.session.set('signedInAt', Math.floor(Date.now() / 1000))
    return reply.redirect(ownUrl(returnTo, publicUrl), 303)
  })
  app.post('/login', { onRequest: onlyOurForms(publicUrl), preValidation }, async () => {})

  return {
    current: ({ user, session }) => (user ? { user, authTime: session.get('signedInAt') ?? 0 } : null),
    loginUrl,
    subject: account => account.id,
    find: id => accounts.find(id),
    displayName: account => account.email
  }
}
