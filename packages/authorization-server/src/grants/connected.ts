/** What a person has connected: the grants that can still be used. */
import type { GrantPage, GrantSummary } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import { isLive } from './lifecycle.ts'

const MAX_PAGE = 1000

/**
 * One page of them, newest first; one whose code was not redeemed yet is none.
 *
 * @throws RangeError when `limit` is no whole number from 1 on
 */
export async function connectedGrants(
  server: ServerContext,
  subject: string,
  { limit = MAX_PAGE, cursor = null }: { limit?: number; cursor?: string | null } = {}
): Promise<GrantPage> {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new RangeError('grants.list(): limit is a whole number from 1 on')
  const now = server.clock.now()
  const page = await server.records.grants.list('subject', subject, { limit: Math.min(limit, MAX_PAGE), cursor })
  const live = page.records.filter(({ record }) => isLive(record, now))
  const grants = live.map(({ key, record }) => summaryOf(key, record)).toSorted((a, b) => b.createdAt - a.createdAt)
  return { grants, cursor: page.cursor }
}

function summaryOf(grantId: string, grant: GrantRecord): GrantSummary {
  const { clientId, clientName, subject, organization, resources, scopes } = grant
  const { createdAt, lastUsedAt, expiresAt, endsAt } = grant
  return {
    grantId,
    clientId,
    clientName,
    subject,
    organization,
    resources,
    scopes,
    createdAt,
    lastUsedAt,
    expiresAt,
    endsAt
  }
}
