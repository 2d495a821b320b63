/** What is done to the answer of a request, decided by what the body asked for. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Verdict } from './authorize-body.ts'
import type { ResourceServer } from './context.ts'
import { type Tap, tapResponse } from './raw-response.ts'
import { askForPlainAnswer, concealActs, filterLists, isListMethod, revealNames } from './visibility.ts'

/** To be called before the handler: it may change the body that the handler is going to read. */
export function watchResponse(
  server: ResourceServer,
  request: FastifyRequest,
  reply: FastifyReply,
  verdict: Verdict
): void {
  const rewrite = rewriterOf(server, request, verdict)
  if (!rewrite) return
  askForPlainAnswer(request)
  tapResponse(reply.raw, { rewrite })
}

function rewriterOf(server: ResourceServer, request: FastifyRequest, verdict: Verdict): Tap['rewrite'] {
  if (server.options.lists === 'all') return undefined
  const { operations, isListed, hidden } = verdict
  const isStream = request.method === 'GET'
  if (!isStream && hidden.length === 0 && !operations.some(({ method }) => isListMethod(method))) return undefined
  const isHidden = (act: { method: string; name: string | null }): boolean =>
    hidden.some(({ method, name }) => method === act.method && name === act.name)
  const aliases = hidden.length > 0 ? concealActs(request, isHidden) : new Map<string, string>()
  return message => {
    const filtered = filterLists(message, isListed)
    return aliases.size > 0 ? revealNames(filtered, aliases) : filtered
  }
}
