/** Two MCP servers of somebody else, which take a key and know nothing of sign-ins. */
import { setTimeout as later } from 'node:timers/promises'
import { type NodeIncomingMessageLike, toWebRequest } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { z } from 'zod'

/** Tokens and keys of the example, to be pasted on its pages. */
export const KEYS = { weatherOfAlice: 'weather-alice-1', weatherOfBob: 'weather-bob-1', search: 'office-search-1' }

/**
 * Takes a bearer token, and knows whose it is.
 *
 * @param onLook waited for at every place of a tour
 */
export function buildWeather(onLook: (place: string) => Promise<unknown> = () => later(700)): FastifyInstance {
  const people = new Map([
    [`Bearer ${KEYS.weatherOfAlice}`, 'Alice'],
    [`Bearer ${KEYS.weatherOfBob}`, 'Bob']
  ])
  return mcpApp(
    request => people.get(request.headers.authorization ?? '') ?? null,
    (server, person) => {
      server.registerTool(
        'forecast',
        { description: 'Tells the weather of tomorrow', inputSchema: z.object({ place: z.string().max(100) }) },
        async ({ place }) => text(`Sunny in ${place}, ${person}.`)
      )
      // Takes its time, and says how far it is.
      server.registerTool(
        'tour',
        {
          description: 'Looks at the weather of several places',
          inputSchema: z.object({ places: z.array(z.string()) })
        },
        async ({ places }, { mcpReq }) => {
          const progressToken = mcpReq._meta?.progressToken
          for (const [at, place] of places.entries()) {
            await onLook(place)
            if (progressToken === undefined) continue
            const params = { progressToken, progress: at + 1, total: places.length, message: `Sunny in ${place}.` }
            await mcpReq.notify({ method: 'notifications/progress', params })
          }
          return text(`Take no umbrella, ${person}.`)
        }
      )
    }
  )
}

/** Takes an API key in a header. */
export function buildSearch(): FastifyInstance {
  return mcpApp(
    request => (request.headers['x-api-key'] === KEYS.search ? 'the office' : null),
    (server, person) =>
      server.registerTool(
        'find',
        { description: 'Searches the shelves', inputSchema: z.object({ text: z.string().max(100) }) },
        async input => text(`Nothing about ${input.text} for ${person}.`)
      )
  )
}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

function mcpApp(
  whose: (request: FastifyRequest) => string | null,
  addTools: (server: McpServer, person: string) => unknown
): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true })
  app.post('/mcp', async (request, reply) => {
    const person = whose(request)
    if (person === null) return reply.code(401).send({ error: 'a key is missing, or not right' })
    const mcp = createMcpHandler(() => {
      const server = new McpServer({ name: 'keyed', version: '1.0.0' })
      addTools(server, person)
      return server
    })
    const parsedBody = request.body
    return mcp.fetch(await toWebRequest(request.raw as NodeIncomingMessageLike, parsedBody), { parsedBody })
  })
  return app
}
