/**
 * Opaque access tokens: `at.<grant id>.<secret>`. The grant's record keeps a digest of each, so that one read answers what it is worth,
 * revoking the grant revokes it, and issuing it costs no write of its own.
 */
import { randomSecret } from '@fastify-mcp-auth/core'

const OPAQUE_TOKEN = /^at\.([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{43}$/

/** @returns the id of its grant, or null for what is none */
export function grantIdOfOpaqueToken(token: string): string | null {
  return OPAQUE_TOKEN.exec(token)?.[1] ?? null
}

export function newOpaqueToken(grantId: string): string {
  return `at.${grantId}.${randomSecret()}`
}
