/**
 * Three authorization servers that rotate refresh tokens and end a grant when one comes twice: the fake one of the kit, our own, and
 * oidc-provider. Each is behind a server of the kit, so that its endpoints can be made to fail, and each guards an MCP server.
 */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import authorizationServer from '@fastify-mcp-auth/authorization-server'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import type { SettableClock } from '@fastify-mcp-auth/testing'
import {
  type Answer,
  createFakeAuthorizationServer,
  createFakeMcpServer,
  type FakeMcpServer,
  type LoopbackServer,
  listenOnLoopback,
  type ReceivedRequest,
  type Visitor
} from '@fastify-mcp-auth/testing/servers'
import { startWorkers } from '@fastify-mcp-auth/testing/workers'
import Fastify from 'fastify'
import { consentPage, loginPage } from './pages.ts'

/** One authorization server and the MCP server behind it. */
export interface Issuer {
  readonly name: string
  /** Takes a spent refresh token once more for a minute: what a client needs to survive a lost answer. */
  readonly hasGrace: boolean
  /** Its endpoints are called `token` and `other`. */
  readonly server: Pick<LoopbackServer, 'fail' | 'heal' | 'count'>
  readonly mcp: FakeMcpServer
  setTime(now: number): void
  /** Grants that it ended because a spent token came. */
  reuses(): Promise<number>
  close(): Promise<void>
}

/** @param lifetime of access tokens, in seconds */
export async function startFakeIssuer(clock: SettableClock, lifetime: number): Promise<Issuer> {
  const behaviour = { accessTokenLifetime: lifetime, reuseGrace: 60 }
  const server = await createFakeAuthorizationServer({ clock, behaviour })
  const mcp = await createFakeMcpServer({ clock, authorizationServer: server, behaviour: { sessions: false } })
  return {
    name: 'fake',
    hasGrace: true,
    server,
    mcp,
    setTime: () => undefined,
    reuses: async () => server.records.events.filter(({ type }) => type === 'token.reused').length,
    close: async () => {
      await Promise.all([server.close(), mcp.close()])
    }
  }
}

/** Our own, with its default grace of a minute. */
export async function startOurIssuer(clock: SettableClock, lifetime: number): Promise<Issuer> {
  const app = Fastify()
  const front = await listenOnLoopback(({ path }) => ({
    name: path.endsWith('/token') ? 'token' : 'other',
    handle: async ({ method, url, headers, body }) => {
      const request = { method: method as 'GET' | 'POST', url: url.pathname + url.search, headers: defined(headers) }
      const answer = await app.inject({ ...request, ...(body === '' ? {} : { payload: body }) })
      const { 'transfer-encoding': _, ...fields } = answer.headers
      return { status: answer.statusCode, headers: fields as Record<string, string | string[]>, body: answer.body }
    }
  }))
  const mcp = await createFakeMcpServer({
    clock,
    behaviour: { sessions: false, authorizationServers: [front.url] },
    verify: async token => {
      try {
        const { subject, claims } = await app.authorizationServer.verifyAccessToken(token, mcp.resource)
        return { subject, scopes: String(claims['scope']).split(' '), token }
      } catch {
        return null
      }
    }
  })
  let reuses = 0
  await app.register(authorizationServer, {
    issuer: front.url,
    storage: memoryStorage(),
    encryptionKeys: [randomBytes(32).toString('base64')],
    users: {
      current: request => {
        const user = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
        return user === undefined ? null : { user, authTime: clock.now() }
      },
      loginUrl: target => `/login?${new URLSearchParams({ returnTo: target.returnTo })}`,
      subject: user => String(user),
      find: subject => subject,
      claims: () => ({}),
      displayName: user => String(user)
    },
    resources: {
      [mcp.resource]: { name: 'Notes', scopes: { notes: 'Read notes' }, accessToken: { lifetime } }
    },
    rateLimit: false,
    clock,
    onEvent: event => {
      if (event.type === 'token.reused') reuses++
    }
  })
  await app.register(loginPage)
  await app.register(consentPage)
  await app.ready()
  return {
    name: 'ours',
    hasGrace: true,
    server: front,
    mcp,
    setTime: () => undefined,
    reuses: async () => reuses,
    close: async () => {
      await Promise.all([front.close(), mcp.close()])
      await app.close()
    }
  }
}

/** In a process of its own, whose `Date` is the clock of the test: it has no other. No grace: the second use ends the grant. */
export async function startOidcIssuer(clock: SettableClock, lifetime: number): Promise<Issuer> {
  let port = 0
  const front = await listenOnLoopback(({ path }) => ({
    name: path === '/token' ? 'token' : 'other',
    handle: request => forward(port, request)
  }))
  const mcp: FakeMcpServer = await createFakeMcpServer({
    clock,
    behaviour: { sessions: false, authorizationServers: [front.url] },
    verify: token => pool.run<Visitor | null>('verify', token)
  })
  const settings = { issuer: front.url, resource: mcp.resource, lifetime }
  const pool = await startWorkers({ url: new URL('./oidc-process.ts', import.meta.url), processes: 1, settings, clock })
  port = await pool.run<number>('port', null)
  return {
    name: 'oidc-provider',
    hasGrace: false,
    server: front,
    mcp,
    setTime: now => pool.setTime(now),
    reuses: () => pool.run<number>('reuses', null),
    close: async () => {
      await Promise.all([front.close(), mcp.close()])
      await pool.close()
    }
  }
}

/** With the Host header as it came, which `fetch` would replace. */
function forward(port: number, { method, url, headers, body }: ReceivedRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', method, path: url.pathname + url.search, headers: defined(headers) },
      response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const { 'transfer-encoding': _, connection: __, ...fields } = response.headers
          resolve({
            status: response.statusCode ?? 502,
            headers: fields as Record<string, string | string[]>,
            body: Buffer.concat(chunks).toString('utf8')
          })
        })
      }
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

function defined(headers: { readonly [name: string]: string | undefined }): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined)
  )
}
