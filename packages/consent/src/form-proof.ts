/**
 * What our own forms carry, so that nobody else can send them: a value that only this browser's cookie and the account in front of it
 * make. It stays the same while both do, so a page may be open twice.
 *
 * @see RFC 6265 sections 4.1 and 4.2, draft-ietf-httpbis-rfc6265bis section 4.1.3.2 (`__Host-`)
 */
import { digest, equalInConstantTime, isHttpLoopback, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface FormProofs {
  /** For a page that is being drawn. Gives the browser its secret if it has none. */
  issue(request: FastifyRequest, reply: FastifyReply, subject: string): string
  verify(request: FastifyRequest, subject: string, proof: unknown): boolean
}

/** @param purpose which forms: the proof of one kind is worth nothing for another */
export function formProofs(issuer: string, purpose: string): FormProofs {
  const isLoopback = isHttpLoopback(issuer)
  // `__Host-` needs https; on plain http, which is loopback only, browsers would drop it.
  const cookie = isLoopback ? 'mcp-pages' : '__Host-mcp-pages'
  const proofOf = (secret: string, subject: string): string => digest(`form ${purpose} ${issuer} ${secret} ${subject}`)
  return {
    issue(request, reply, subject) {
      const known = secretOf(request, cookie)
      const secret = known ?? randomSecret()
      // Lax: people come here by a link from elsewhere, and must not lose the pages that are open in other tabs.
      if (known === null)
        reply.header('set-cookie', `${cookie}=${secret}; Path=/; HttpOnly; SameSite=Lax${isLoopback ? '' : '; Secure'}`)
      return proofOf(secret, subject)
    },
    verify(request, subject, proof) {
      const secret = secretOf(request, cookie)
      return secret !== null && typeof proof === 'string' && equalInConstantTime(proof, proofOf(secret, subject))
    }
  }
}

// Read by hand: the host may have set up @fastify/cookie in its own way, or not at all.
function secretOf(request: FastifyRequest, cookie: string): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [, name, secret] = /^\s*([^=\s]+)=([A-Za-z0-9_-]{43})\s*$/.exec(pair) ?? []
    if (name === cookie && secret !== undefined) return secret
  }
  return null
}

/** Whether a request comes from a page of this very origin, as far as its headers say. Says yes when they say nothing. */
export function isOwnOrigin({ headers }: FastifyRequest, issuer: string): boolean {
  const { origin } = headers
  const site = headers['sec-fetch-site']
  const isForeign = origin !== undefined && origin !== 'null' && origin !== new URL(issuer).origin
  return !isForeign && (site === undefined || site === 'same-origin')
}
