/** Login and consent of our own authorization server, as small as they get. */
import type { FastifyInstance } from 'fastify'

const html = (body: string): string => `<!doctype html><html><body>${body}</body></html>`

/** Signs in whoever says so. */
export async function loginPage(app: FastifyInstance): Promise<void> {
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
  app.post<{ Body: { username: string; returnTo: string } }>('/login', async (request, reply) =>
    reply.header('set-cookie', `session=${request.body.username}; Path=/`).redirect(request.body.returnTo, 303)
  )
}

/** Asks with nothing but the two buttons. */
export async function consentPage(app: FastifyInstance): Promise<void> {
  const { prefix, interactions } = app.authorizationServer
  app.get<{ Params: { handle: string } }>(`${prefix}/interaction/:handle`, async (request, reply) => {
    const model = await interactions.details(request, request.params.handle)
    if (model.status !== 'consent')
      return reply.redirect(model.status === 'login' ? model.loginUrl : model.redirectTo, 303)
    const scopes = model.scopes.map(({ scope }) => `<input type="checkbox" name="scope" value="${scope}" checked>`)
    return reply.type('text/html').send(
      html(`<form method="post" action="${model.decisionUrl}">${scopes.join('')}
        <input type="hidden" name="account" value="${model.account.proof}">
        <button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form>`)
    )
  })
}
