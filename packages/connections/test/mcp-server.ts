/** A server of the official SDK behind keys, in the simplest way that is real: who has which key is a map. */
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import Fastify from 'fastify'

export interface KeyedServer {
  readonly url: string
  /** Key -> whose it is. */
  readonly keys: Map<string, string>
  /** The `Authorization` and other headers of every request. */
  readonly seen: Record<string, string | string[] | undefined>[]
  close(): Promise<void>
}

/** @param header where the key is looked for; `authorization` means `Bearer` */
export async function listenKeyed(header = 'authorization'): Promise<KeyedServer> {
  const keys = new Map<string, string>()
  const seen: KeyedServer['seen'] = []
  const app = Fastify({ forceCloseConnections: true })
  const mcp = createMcpHandler(({ authInfo }) => {
    const server = new McpServer({ name: 'keyed', version: '1.0.0' })
    for (const name of ['whoami', 'delete_everything'])
      server.registerTool(name, {}, async () => ({
        content: [{ type: 'text', text: `${name} ${authInfo?.clientId}` }]
      }))
    return server
  })
  app.all('/mcp', async (request, reply) => {
    seen.push(request.headers)
    const value = String(request.headers[header] ?? '').replace(/^Bearer /, '')
    const clientId = keys.get(value)
    if (clientId === undefined) return reply.code(401).header('www-authenticate', 'Bearer').send()
    const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) }
    const headers = Object.entries(request.headers).map(([name, text]): [string, string] => [name, String(text)])
    const web = new Request(`http://127.0.0.1${request.url}`, { method: request.method, headers, ...body })
    return mcp.fetch(web, { authInfo: { token: value, clientId, scopes: [] }, parsedBody: request.body })
  })
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/mcp`
  return { url, keys, seen, close: () => app.close() }
}
