/**
 * Who is signed in. The session lives in the same storage as everything else, so it survives a restart and is known to every
 * process; the browser holds a random value, and the storage only its digest.
 */
import {
  type Clock,
  defineCollection,
  digest,
  openCollection,
  randomSecret,
  type StorageDriver
} from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'

const TTL = 12 * 3600

const SESSIONS = defineCollection({
  name: 'app_sessions',
  record: Type.Object({
    accountId: Type.String(),
    /** Epoch second of the sign-in. */
    authTime: Type.Integer(),
    expiresAt: Type.Integer()
  }),
  expiry: 'expiresAt'
})

export interface Session {
  readonly accountId: string
  readonly authTime: number
}

export interface Sessions {
  current(request: FastifyRequest): Promise<Session | null>
  /** Signs in: always under a new identifier, so that one planted before the sign-in is worth nothing after it. */
  start(request: FastifyRequest, reply: FastifyReply, accountId: string): Promise<void>
  end(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Removes sessions that are over, a bounded number of them. */
  cleanup(): Promise<unknown>
}

/** @param secure the app is reached by https: the cookie gets the `__Host-` prefix, which browsers refuse on plain http */
export async function createSessions(storage: StorageDriver, clock: Clock, secure: boolean): Promise<Sessions> {
  const cookie = secure ? '__Host-session' : 'session'
  const attributes = { path: '/', httpOnly: true, sameSite: 'lax', secure } as const
  await storage.open?.([SESSIONS])
  const sessions = openCollection(storage, SESSIONS)
  const idOf = (request: FastifyRequest): string => request.cookies[cookie] ?? ''

  return {
    async current(request) {
      const id = idOf(request)
      const session = id === '' ? null : await sessions.get(digest(id))
      return session && session.expiresAt > clock.now() ? session : null
    },
    async start(request, reply, accountId) {
      await sessions.remove(digest(idOf(request)))
      const id = randomSecret()
      const authTime = clock.now()
      await sessions.insert(digest(id), { accountId, authTime, expiresAt: authTime + TTL })
      reply.setCookie(cookie, id, attributes)
    },
    async end(request, reply) {
      await sessions.remove(digest(idOf(request)))
      reply.clearCookie(cookie, attributes)
    },
    cleanup: () => sessions.removeExpired(clock.now())
  }
}
