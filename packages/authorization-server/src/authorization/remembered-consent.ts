/**
 * What a person allowed a client before, kept for two uses: a page that asks only for what is new, and, for clients that the
 * operator trusts with it, no page at all.
 *
 * @see MCP security best practices, confused deputy: consent is per client and per user, and per place where the answer goes
 */
import { describeRedirectUri, digest } from '@fastify-mcp-auth/core'
import { isMetadataDocumentId } from '../clients/metadata-document.ts'
import type { ServerContext } from '../context.ts'
import type { ConsentRecord, FrozenRequest, GrantRecord } from '../records.ts'

/** Who allowed whom what, where: what is the same in all of these is one consent. */
type Allowed = Pick<GrantRecord, 'subject' | 'clientId' | 'redirectUri' | 'resources' | 'organization'>

/** @returns null when there is none, or it is as old as access may become */
export async function recallConsent(server: ServerContext, allowed: Allowed): Promise<ConsentRecord | null> {
  const key = keyOf(allowed)
  const consent = key === null ? null : await server.records.consents.get(key)
  return consent && consent.expiresAt > server.clock.now() ? consent : null
}

/** Keeps what the person just decided in full, for as long as the stored grant is not taken back; it replaces what was decided before. */
export async function rememberConsent(
  server: ServerContext,
  { grantId, record }: { grantId: string; record: GrantRecord }
): Promise<void> {
  const { subject, clientId, organization, scopes, createdAt, endsAt } = record
  const { consents, grants } = server.records
  const key = keyOf(record)
  if (key === null) return
  const decided = { scopes, createdAt, expiresAt: endsAt }
  const isNew = await consents.insert(key, { subject, clientId, organization, ...decided })
  if (!isNew) await consents.update(key, {}, decided)
  // Whoever took the grant back before this was written found nothing to forget.
  if ((await grants.get(grantId))?.revokedAt !== null) await consents.remove(key)
}

/** Whoever takes access back is asked the next time. */
export async function forgetConsent(server: ServerContext, grant: GrantRecord): Promise<void> {
  const key = keyOf(grant)
  if (key !== null) await server.records.consents.remove(key)
}

/**
 * Whether a consent may stand in for the page. By default not where others can pass for the client: anybody can name the URL of a
 * metadata document, and any program can listen on a loopback port or open a private-use scheme.
 */
export function mayStandIn(server: ServerContext, { clientId, redirectUri, prompts }: FrozenRequest): boolean {
  if (redirectUri === null || prompts.includes('consent') || prompts.includes('select_account')) return false
  const { rememberedConsent: policy, clients } = server.options
  if (policy !== 'known-clients') return policy === 'all-clients'
  const isConfigured = clients.some(client => client.client_id === clientId)
  return describeRedirectUri(redirectUri).kind === 'https' && (isConfigured || !isMetadataDocumentId(clientId))
}

// The host of the redirect URI and not all of it: the port of a program on this computer is another one each time.
// What was allowed to a device is never remembered: who sent somebody a code could be anybody (RFC 8628 section 5.4).
function keyOf({ subject, clientId, redirectUri, resources, organization }: Allowed): string | null {
  if (redirectUri === null) return null
  const { kind, host } = describeRedirectUri(redirectUri)
  return digest(JSON.stringify(['consent', subject, clientId, kind, host, resources.toSorted(), organization]))
}
