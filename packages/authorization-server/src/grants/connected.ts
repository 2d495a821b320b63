/** What a person has connected: the grants that can still be used. */
import type { ConnectedApp, ConnectedApps, GrantPage, GrantSummary } from '@fastify-mcp-auth/core'
import { isMetadataDocumentId } from '../clients/metadata-document.ts'
import { configuredClient } from '../clients/resolve.ts'
import type { ServerContext } from '../context.ts'
import type { GrantRecord } from '../records.ts'
import { together } from '../resource-policy.ts'
import type { Organization } from '../types.ts'
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
  // Of a person, never of a client that bears the same name.
  const live = page.records.filter(({ record }) => !record.byClient && isLive(record, now))
  const grants = live.map(({ key, record }) => summaryOf(key, record)).toSorted((a, b) => b.createdAt - a.createdAt)
  return { grants, cursor: page.cursor }
}

function summaryOf(grantId: string, grant: GrantRecord): GrantSummary {
  const { clientId, clientName, clientNames, subject, organization, resources, scopes } = grant
  const { createdAt, lastUsedAt, expiresAt, endsAt } = grant
  return {
    grantId,
    clientId,
    clientName,
    clientNames,
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

/** The same page, in words for the person. @throws as {@link connectedGrants} does */
export async function connectedApps(
  server: ServerContext,
  subject: string,
  bounds?: { limit?: number; cursor?: string | null }
): Promise<ConnectedApps> {
  const { grants, cursor } = await connectedGrants(server, subject, bounds)
  const organizations = grants.some(({ organization }) => organization !== null)
    ? await organizationsOf(server, subject)
    : []
  return { apps: grants.map(grant => appOf(server, grant, organizations)), now: server.clock.now(), cursor }
}

async function organizationsOf(server: ServerContext, subject: string): Promise<readonly Organization[]> {
  const user = await server.users.find(subject)
  return user === null ? [] : server.users.organizations(user)
}

function appOf(server: ServerContext, grant: GrantSummary, organizations: readonly Organization[]): ConnectedApp {
  const { grantId, clientId, clientName, clientNames, organization, createdAt, lastUsedAt, expiresAt, endsAt } = grant
  return {
    grantId,
    client: { clientId, name: clientName, names: clientNames, verifiedHost: verifiedHostOf(server, clientId) },
    ...permissionsOf(server, grant),
    organization:
      organization === null
        ? null
        : (organizations.find(({ id }) => id === organization) ?? { id: organization, name: organization }),
    createdAt,
    lastUsedAt,
    expiresAt,
    endsAt
  }
}

/** Who vouched at consent: neither answer changes later for one client_id, so nothing has to be read or fetched. */
function verifiedHostOf(server: ServerContext, clientId: string): string | null {
  const configured = configuredClient(server, clientId)
  if (configured) return configured.verifiedHost
  return server.documents && isMetadataDocumentId(clientId) ? new URL(clientId).host : null
}

/** A resource that the options do not have any more keeps its identifier for a name, and opens nothing. */
function permissionsOf(
  { catalogue }: ServerContext,
  { resources, scopes }: GrantSummary
): Pick<ConnectedApp, 'resources' | 'scopes'> {
  const known = catalogue.resources.filter(({ resource }) => resources.includes(resource))
  const words = known.length === 0 ? null : together(known).scopes
  return {
    resources: resources.map(resource => ({
      resource,
      name: known.find(policy => policy.resource === resource)?.resources[0]?.name ?? resource
    })),
    scopes: scopes.flatMap(scope => {
      const policy = words?.get(scope)
      return policy ? [{ scope, description: policy.description, destructive: policy.destructive }] : []
    })
  }
}
