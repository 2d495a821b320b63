/** Several verifiers behind one endpoint. Each token goes to one of them, whose word is final. */
import { ConfigurationError, OAuthError } from '@fastify-mcp-auth/core'
import type { VerificationContext, Verifier, VerifierEvent } from '../types.ts'

/**
 * The first verifier that recognises a token by its shape, prefix or issuer gets it, and nobody else does: a token that one verifier refused
 * is never tried on another, where a weaker check might take it. A verifier that takes everything (`opaque()`, `introspection()`, most of
 * your own) comes last.
 *
 * @throws ConfigurationError when it is empty, or when a verifier could never be reached
 */
export function chain(...verifiers: readonly Verifier[]): Verifier {
  if (verifiers.length === 0) throw wrong('needs at least one verifier')
  const greedy = verifiers.findIndex(verifier => !verifier.accepts)
  if (greedy !== -1 && greedy !== verifiers.length - 1)
    throw wrong(`verifier ${greedy + 1} takes every token, so those after it are never asked: put it last`)
  return Object.freeze({
    issuers: Object.freeze([...new Set(verifiers.flatMap(verifier => verifier.issuers))]),
    accepts: (token: string) => verifiers.some(verifier => takes(verifier, token)),
    verify(token: string, context: VerificationContext) {
      const verifier = verifiers.find(candidate => takes(candidate, token))
      if (!verifier)
        throw new OAuthError('invalid_token', 'the token is from nobody that is known here', { reason: 'issuer' })
      return verifier.verify(token, context)
    },
    observe(listener: (event: VerifierEvent) => void) {
      for (const verifier of verifiers) verifier.observe?.(listener)
    },
    async prepare() {
      await Promise.all(verifiers.map(verifier => verifier.prepare?.()))
    },
    health: () => verifiers.flatMap(verifier => verifier.health?.() ?? [])
  })
}

function takes(verifier: Verifier, token: string): boolean {
  return verifier.accepts?.(token) ?? true
}

function wrong(what: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `chain: ${what}`)
}
