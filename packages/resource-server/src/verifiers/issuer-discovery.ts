/**
 * What an issuer says about itself, and when it last did, for readiness probes.
 *
 * @see RFC 8414 section 3
 */
import { type Clock, discoverMetadata, type SafeFetch, UnavailableError } from '@fastify-mcp-auth/core'
import type { VerifierHealth } from '../types.ts'

/** Members of the metadata that verifiers look for. */
export type DiscoveredMember = 'jwks_uri' | 'introspection_endpoint'

export interface IssuerDiscovery {
  /**
   * Reads the metadata anew each time.
   *
   * @throws UnavailableError when there is no acceptable metadata, or the member is not in it
   */
  find(member: DiscoveredMember): Promise<string>
  /** As it was the last time; fetches nothing. */
  health(): VerifierHealth
}

/** @param issuer exactly as configured */
export function createIssuerDiscovery(issuer: string, fetch: SafeFetch, clock: Clock): IssuerDiscovery {
  let state: VerifierHealth['state'] = 'unknown'
  let foundAt: number | null = null
  return Object.freeze({
    async find(member: DiscoveredMember): Promise<string> {
      try {
        const { [member]: found } = await discoverMetadata(issuer, fetch)
        if (found === undefined) throw new UnavailableError(`the metadata of ${issuer} has no ${member}`)
        state = 'up'
        foundAt = clock.now()
        return found
      } catch (error) {
        state = 'down'
        throw error
      }
    },
    health: () => ({
      dependency: 'discovery' as const,
      issuer,
      state,
      age: foundAt === null ? null : clock.now() - foundAt
    })
  })
}
