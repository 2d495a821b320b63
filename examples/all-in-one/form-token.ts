/**
 * Proof that a form was sent from a page of ours, for forms that work before anybody is signed in: a foreign page could otherwise
 * sign a person in as somebody else, and read later what they do there.
 *
 * The browser gets a secret in a cookie that scripts and other hosts cannot set or read, and the page a digest of it.
 */
import { digest, equalInConstantTime, randomSecret } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface FormTokens {
  /** The value for the hidden field; gives the browser its cookie when it has none. */
  issue(request: FastifyRequest, reply: FastifyReply): string
  /** Whether a posted value belongs to this browser, and the browser says that the form was ours. */
  verify(request: FastifyRequest, value: string): boolean
}

/** @param publicUrl origin of the app */
export function createFormTokens(publicUrl: string): FormTokens {
  const secure = publicUrl.startsWith('https:')
  const cookie = secure ? '__Host-form' : 'form'
  const tokenOf = (secret: string): string => digest(`form ${secret}`)

  return {
    issue(request, reply) {
      const known = request.cookies[cookie]
      if (known) return tokenOf(known)
      const secret = randomSecret()
      reply.setCookie(cookie, secret, { path: '/', httpOnly: true, sameSite: 'lax', secure })
      return tokenOf(secret)
    },
    verify(request, value) {
      const { origin } = request.headers
      const secret = request.cookies[cookie]
      // Old browsers send no Origin; one that is there must be ours.
      if (origin !== undefined && origin !== publicUrl) return false
      return secret !== undefined && equalInConstantTime(value, tokenOf(secret))
    }
  }
}
