/** Where a command-line client waits for the browser: a server on loopback that keeps every answer. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Test } from 'tap'

export interface Callback {
  readonly redirectUri: string
  /** Queries of the answers, in the order of their arrival. */
  readonly answers: readonly URLSearchParams[]
}

export async function listenForCallback(t: Test): Promise<Callback> {
  const answers: URLSearchParams[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    if (url.pathname === '/callback') answers.push(url.searchParams)
    response.setHeader('content-type', 'text/html').end('<h1>You can close this window.</h1>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { redirectUri: `http://127.0.0.1:${port}/callback`, answers }
}
