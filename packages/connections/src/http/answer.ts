/** How a route answers: JSON for programs, a page or a redirect for people. */
import type { EventLog } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asMcpConnectionError, type McpConnectionError } from '../errors.ts'
import type { Pages } from '../pages/pages.ts'
import type { FailureData } from '../pages/person-pages.ts'
import type { PageView } from '../pages/view.ts'
import { wantsJson } from './asker.ts'
import { type FailureBody, failureBody, toConnectionError } from './failure.ts'

/** Every way in which a route answers. */
export interface Answers {
  /** Shows what there is. */
  show(request: FastifyRequest, reply: FastifyReply, view: PageView): Promise<FastifyReply>
  /** After something was done: JSON, or back to a page of this app. */
  done(
    request: FastifyRequest,
    reply: FastifyReply,
    result: { readonly data: object; readonly next: string }
  ): FastifyReply
  /** To another site: JSON with the URL, a redirect, or a page that leads on. */
  leave(
    request: FastifyRequest,
    reply: FastifyReply,
    result: { readonly data: object; readonly url: string }
  ): Promise<FastifyReply>
  fail(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>
}

/**
 * @param settings `pages` is null for an app that draws its own: everybody is given JSON then, but for redirects
 */
export function createAnswers(settings: {
  readonly pages: Pages | null
  readonly redirectMode: 'see_other' | 'page'
  /** Adds to a failure what a person needs: the name of the server, where to sign in. */
  readonly explain: (failure: FailureBody, request: FastifyRequest) => Promise<FailureData>
}): Answers {
  const { pages, redirectMode } = settings
  const show: Answers['show'] = async (request, reply, view) => {
    if (!pages || wantsJson(request)) return reply.send(view.data)
    const { html, headers } = await pages.draw(view, { request, reply })
    return reply.headers(headers).send(html)
  }
  return Object.freeze<Answers>({
    show,
    done: (request, reply, { data, next }) => (wantsJson(request) ? reply.send(data) : reply.redirect(next, 303)),
    leave: async (request, reply, { data, url }) => {
      if (wantsJson(request)) return reply.send(data)
      if (redirectMode === 'see_other') return reply.redirect(url, 303)
      return show(request, reply, { page: 'leave', data: { url } })
    },
    fail: async (error, request, reply) => {
      const said = Number(reply.getHeader('retry-after'))
      const failure = toConnectionError(error, Number.isInteger(said) && said > 0 ? said : undefined)
      logFailure(request.log, failure, error)
      reply.code(failure.statusCode)
      if (failure.retryAfter !== undefined) reply.header('retry-after', String(failure.retryAfter))
      return show(request, reply, {
        page: 'error',
        data: await settings.explain(failureBody(failure, request.id), request)
      })
    }
  })
}

function logFailure(log: EventLog, failure: McpConnectionError, error: unknown): void {
  const { code, reason, server, statusCode } = failure
  const details = { code, reason, server, statusCode }
  // What is not ours may say anything, and is for the operator alone.
  if (statusCode >= 500 && !asMcpConnectionError(error)) log.error({ ...details, err: error }, 'request failed')
  else log.info(details, 'request refused')
}
