/**
 * Binds a flow to the browser that began it: the answer of an authorization server is worth nothing in another one.
 *
 * A cookie of our own, independent of the app's session, which may be renewed or lost while the person is away.
 *
 * @see RFC 6265 section 4.1, draft-ietf-httpbis-rfc6265bis section 4.1.3.2 (`__Host-`), RFC 9700 section 4.7.1
 */
import { isHttpLoopback, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Reads and sets the secret of a browser. */
export interface BindingCookie {
  /** Null when this browser has none. */
  read(request: FastifyRequest): string | null
  /** What a browser is going to be bound by: its secret, or a new one, which it is given when something has begun. */
  choose(request: FastifyRequest): ChosenBinding
}

/** A secret for a flow. */
export interface ChosenBinding {
  readonly secret: string
  /** Lasts as long as the browser runs. Nothing is sent to a browser that has it. */
  give(reply: FastifyReply): void
}

/** @param baseUrl origin of the app: on plain http, which is loopback only, browsers would drop a `__Host-` cookie */
export function bindingCookie(baseUrl: string): BindingCookie {
  const isPlain = isHttpLoopback(baseUrl)
  const name = isPlain ? 'mcp-connections' : '__Host-mcp-connections'
  // Lax: the browser comes back from another site.
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isPlain ? '' : '; Secure'}`
  const read = (request: FastifyRequest): string | null => {
    for (const pair of (request.headers.cookie ?? '').split(';')) {
      const [, found, secret] = /^\s*([^=\s]+)=([A-Za-z0-9_-]{43})\s*$/.exec(pair) ?? []
      if (found === name && secret !== undefined) return secret
    }
    return null
  }
  return Object.freeze({
    read,
    choose(request: FastifyRequest): ChosenBinding {
      const known = read(request)
      const secret = known ?? randomSecret()
      return {
        secret,
        give(reply) {
          if (known === null) reply.header('set-cookie', `${name}=${secret}; ${attributes}`)
        }
      }
    }
  })
}
