/** A login at an OpenID provider (Entra, Okta, Keycloak, Google and the like) with `openid-client`. */
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { isHttpLoopback } from '@fastify-mcp-auth/core'
import * as oidc from 'openid-client'
import type { Login } from './app.ts'
import { ownUrl } from './form.ts'

/** What waits while the browser is at the provider. */
interface Pending {
  readonly state: string
  readonly verifier: string
  readonly nonce: string
  readonly returnTo: string
}

declare module 'fastify' {
  interface Session {
    accountId?: string
    signedInAt?: number
    /** Several: assistants open more than one window at once. */
    pending?: Pending[]
  }
}

export interface Upstream {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

export const loginAt =
  (upstream: Upstream): Login =>
  async (app, { accounts, publicUrl, sessionKey }) => {
    const config = await oidc.discovery(new URL(upstream.issuer), upstream.clientId, upstream.clientSecret, undefined, {
      execute: isHttpLoopback(upstream.issuer) ? [oidc.allowInsecureRequests] : []
    })
    await app.register(cookie)
    await app.register(session, {
      secret: sessionKey.toString('base64'),
      saveUninitialized: false,
      cookie: { sameSite: 'lax', httpOnly: true, secure: publicUrl.startsWith('https:') }
    })
    const callback = `${publicUrl}/login/callback`

    app.get<{ Querystring: Partial<Record<'returnTo' | 'prompt' | 'login_hint', string>> }>(
      '/login',
      async (request, reply) => {
        const { returnTo, prompt = '', login_hint = '' } = request.query
        const pending: Pending = {
          state: oidc.randomState(),
          verifier: oidc.randomPKCECodeVerifier(),
          nonce: oidc.randomNonce(),
          returnTo: ownUrl(returnTo, publicUrl)
        }
        request.session.set('pending', [...(request.session.get('pending') ?? []).slice(-4), pending])
        const url = oidc.buildAuthorizationUrl(config, {
          scope: 'openid',
          redirect_uri: callback,
          state: pending.state,
          nonce: pending.nonce,
          code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
          code_challenge_method: 'S256',
          ...(prompt === '' ? {} : { prompt }),
          ...(login_hint === '' ? {} : { login_hint })
        })
        return reply.redirect(url.href)
      }
    )

    app.get<{ Querystring: { state?: string; error?: string } }>('/login/callback', async (request, reply) => {
      const all = request.session.get('pending') ?? []
      const pending = all.find(({ state }) => state === request.query.state)
      request.session.set(
        'pending',
        all.filter(one => one !== pending)
      )
      if (!pending) return reply.code(400).send('This sign-in was not begun in this browser, or is over.\n')
      // The address is ours and from the configuration; only the query comes from the request.
      const answer = new URL(`?${request.url.split('?')[1]}`, callback)
      if (request.query.error) return reply.code(403).send('You did not sign in. Go back and try again.\n')
      const tokens = await oidc.authorizationCodeGrant(config, answer, {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true
      })
      const person = tokens.claims()
      const account = person ? await accounts.byUpstream(person) : null
      if (!person || !account) return reply.code(403).send('You have no account here.\n')
      await request.session.regenerate(['pending'])
      request.session.set('accountId', account.id)
      // When the person signed in there, which may be long ago: `max_age` asks for that.
      request.session.set('signedInAt', person.auth_time ?? person.iat)
      return reply.redirect(pending.returnTo, 303)
    })

    return {
      async current(request) {
        const user = await accounts.find(request.session.get('accountId'))
        return user ? { user, authTime: request.session.get('signedInAt') ?? 0 } : null
      },
      // `prompt: 'login'` has to reach the provider, or it answers with the session that it has.
      loginUrl: ({ returnTo, prompt, loginHint }) =>
        `/login?${new URLSearchParams({ returnTo, ...(prompt ? { prompt } : {}), ...(loginHint ? { login_hint: loginHint } : {}) })}`,
      subject: account => account.id,
      find: id => accounts.find(id),
      displayName: account => account.email
    }
  }
