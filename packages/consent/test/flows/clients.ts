/** Where answers arrive: a site with https, a program on this computer, an app that owns a scheme. All of them really there. */
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Test } from 'tap'

// Made for these tests: self-signed, for client.example only, trusted by nobody.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrYN9Nj/dBKHxd0Tr
E32awo73lEbL5bXsBt6g/phkbLShRANCAASXOhuJrZ3G18e2u/35nezSoF0IMyhL
SAESGbfsYeHyGUh2XB43sffHMjyiMz8ULKVgUNQ/MvSmiuL0jQ+Mt0ad
-----END PRIVATE KEY-----`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUWygqMk6PnKQGtQcHbNtCN50eB5EwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjcxNTEzMTFaGA8yMTI2MTEwMzE1MTMx
MVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJc6
G4mtncbXx7a7/fmd7NKgXQgzKEtIARIZt+xh4fIZSHZcHjex98cyPKIzPxQspWBQ
1D8y9KaK4vSND4y3Rp2jbjBsMB0GA1UdDgQWBBSLs/zTxcuC3MKIIZ4takdg9CR6
OTAfBgNVHSMEGDAWgBSLs/zTxcuC3MKIIZ4takdg9CR6OTAPBgNVHRMBAf8EBTAD
AQH/MBkGA1UdEQQSMBCCDmNsaWVudC5leGFtcGxlMAoGCCqGSM49BAMCA0cAMEQC
IC4l4aTrmgBNh+0ZZ/5jyO9rjal5DFCoUmU8cQUywZdqAiAsMzFcqqR/JN2orA8h
kJORjYVa4tkHhhvi250qOv2W5Q==
-----END CERTIFICATE-----`

export const SITE = 'https://client.example/callback'
export const SCHEME = 'cursor://anysphere.cursor-mcp/oauth/callback'

export interface Callbacks {
  /** By kind of redirect URI. */
  readonly uris: { readonly https: string; readonly loopback: string; readonly 'private-use': string }
  /** Makes the host of the site lead to this computer. */
  readonly browserFlags: readonly string[]
  /** Queries of the answers that the two servers got, the last one last. */
  readonly answers: URLSearchParams[]
}

export async function listenForAnswers(t: Test): Promise<Callbacks> {
  const answers: URLSearchParams[] = []
  const receive: RequestListener = (request, response) => {
    const url = new URL(request.url ?? '/', SITE)
    if (url.pathname === '/callback') answers.push(url.searchParams)
    response.setHeader('content-type', 'text/html').end('<title>arrived</title><h1>Arrived.</h1>')
  }
  const site = await listenWithTls(t, receive)
  const program = await listen(t, createHttpServer(receive))
  return {
    uris: { https: SITE, loopback: `http://127.0.0.1:${program}/callback`, 'private-use': SCHEME },
    browserFlags: [`--host-resolver-rules=MAP client.example:443 127.0.0.1:${site}`],
    answers
  }
}

/** At a host that the certificate is not for, which a browser that ignores such errors does not mind. @returns the port */
export function listenWithTls(t: Test, answer: RequestListener): Promise<number> {
  return listen(t, createHttpsServer({ key: KEY, cert: CERTIFICATE }, answer))
}

async function listen(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
