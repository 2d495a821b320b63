/**
 * Progress of a tool of somebody else, on the person's page while it happens: as events for a page with script, and as a page that grows
 * for one without. When the person leaves, the call ends over there, too.
 */
import { PassThrough, type Readable } from 'node:stream'
import { asMcpConnectionError } from '@fastify-mcp-auth/connections'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { escapeText, pageEnd, pageStart, tourPage } from './pages.ts'

const PLACES = ['Oxford', 'London', 'Paris']

export function tourRoutes(app: FastifyInstance): void {
  const connected = { preHandler: app.mcpConnections.require('weather') }

  app.get('/tour', connected, async (_request, reply) => tourPage(reply))

  app.get('/tour/events', connected, async (request, reply) =>
    reply
      .headers({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      .send(
        told(request, { start: '', line: text => `data: ${JSON.stringify(text)}\n\n`, end: 'event: end\ndata:\n\n' })
      )
  )

  app.get('/tour/plain', connected, async (request, reply) => {
    const start = `${pageStart(reply, 'Weather on the way')}<ol>\n`
    const line = (text: string): string => `<li>${escapeText(text)}</li>\n`
    return reply.send(told(request, { start, line, end: `</ol>\n${pageEnd}` }))
  })

  app.get('/tour.js', async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(SCRIPT))
}

const SCRIPT = `const events = new EventSource('/tour/events')
events.onmessage = ({ data }) => {
  const line = document.createElement('li')
  line.textContent = JSON.parse(data)
  document.querySelector('ol').append(line)
}
events.addEventListener('end', () => events.close())
`

interface Form {
  readonly start: string
  readonly line: (text: string) => string
  readonly end: string
}

/** What the tool says, as it says it. Ends well whatever happens: half a page would be none. */
function told(request: FastifyRequest, { start, line, end }: Form): Readable {
  const out = new PassThrough()
  out.write(start)
  // The client of the request is closed with it, and a write to somebody who has left is nobody's concern.
  const write = (text: string): unknown => out.writable && out.write(line(text))
  request
    .mcp('weather')
    .callTool({ name: 'tour', arguments: { places: PLACES } }, { onprogress: ({ message }) => write(message ?? '…') })
    .then(({ content }) => {
      for (const block of content) if (block.type === 'text') write(block.text)
    })
    .catch((error: unknown) => {
      if (request.signal.aborted) return
      if (!asMcpConnectionError(error)) request.log.error({ err: error }, 'the tour failed')
      write('The weather does not answer any more.')
    })
    .finally(() => out.end(end))
  return out
}
