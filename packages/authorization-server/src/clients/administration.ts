/** The `clients` of `app.authorizationServer`: the app looks after the clients that are stored here. */
import { type AuthorizationServer, type ClientSummary, OAuthError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { ClientRecord } from '../records.ts'
import { registerAppClient, updateAppClient } from './app-client.ts'
import type { Client } from './client.ts'
import { liveSecrets, makeSecret, withSecret } from './client-secret.ts'
import { sourceClient } from './client-source.ts'
import { issueInitialAccessToken } from './initial-access.ts'
import { isRegistered, registeredClient } from './registered-client.ts'
import { changeClient, removeClient } from './registration.ts'
import { configuredClient, findRecord } from './resolve.ts'

const MAX_PAGE = 1000
const DAY = 86_400

export function createClients(server: ServerContext): AuthorizationServer['clients'] {
  const now = (): number => server.clock.now()

  /** @returns the new secret, or null when there is no such client */
  async function addSecret(
    clientId: string,
    { expiresAt = null, overlap = null }: { expiresAt?: number | null; overlap?: number | null }
  ): Promise<{ secretId: string; clientSecret: string } | null> {
    assertStored(server, clientId)
    const made = makeSecret(now(), expiresAt)
    const changed = await changeClient(server, clientId, record => {
      assertHasSecrets(record)
      return { secrets: withSecret(ending(liveSecrets(record.secrets, now()), overlap), made.kept) }
    })
    if (!changed) return null
    server.emit('client.secret_added', { clientId, secretId: made.kept.secretId })
    return { secretId: made.kept.secretId, clientSecret: made.secret }
  }

  // Never prolongs a secret that would have ended sooner.
  function ending(secrets: ClientRecord['secrets'], overlap: number | null): ClientRecord['secrets'] {
    if (overlap === null) return secrets
    const end = now() + overlap
    const ended = secrets.map(secret => ({ ...secret, expiresAt: Math.min(secret.expiresAt ?? end, end) }))
    return liveSecrets(ended, now())
  }

  return Object.freeze({
    async get(clientId: string) {
      const configured = configuredClient(server, clientId)
      if (configured) return foreignSummary(configured, 'options')
      const kept = await sourceClient(server, clientId)
      if (kept) return foreignSummary(kept, 'source')
      const record = await findRecord(server, clientId)
      return record && isRegistered(record, now()) ? summaryOf(server, clientId, record) : null
    },
    async list({ registeredBy = 'client', limit = 100, cursor = null } = {}) {
      const size = Math.max(1, Math.min(limit, MAX_PAGE))
      const page = await server.records.clients.list('registeredBy', registeredBy, { limit: size, cursor })
      const registered = page.records.filter(({ record }) => isRegistered(record, now()))
      return {
        clients: registered.map(({ key, record }) => summaryOf(server, key, record)),
        cursor: page.cursor
      }
    },
    register: (metadata, { clientCredentials = null } = {}) => registerAppClient(server, metadata, clientCredentials),
    async update(clientId, change) {
      assertStored(server, clientId)
      return updateAppClient(server, clientId, change)
    },
    addSecret: (clientId, { expiresAt = null } = {}) => addSecret(clientId, { expiresAt }),
    rotateSecret: (clientId, { overlap = DAY } = {}) => addSecret(clientId, { overlap }),
    async removeSecret(clientId, secretId) {
      assertStored(server, clientId)
      let isRemoved = false
      await changeClient(server, clientId, record => {
        const secrets = record.secrets.filter(secret => secret.secretId !== secretId)
        isRemoved = secrets.length < record.secrets.length
        return { secrets }
      })
      if (isRemoved) server.emit('client.secret_removed', { clientId, secretId })
      return isRemoved
    },
    async remove(clientId) {
      assertStored(server, clientId)
      return removeClient(server, clientId)
    },
    issueInitialAccessToken: ({ ttl = DAY } = {}) => issueInitialAccessToken(server, ttl)
  } satisfies AuthorizationServer['clients'])
}

// What stands in the options is changed there.
function assertStored(server: ServerContext, clientId: string): void {
  if (configuredClient(server, clientId))
    throw new TypeError(`client ${JSON.stringify(clientId)} stands in the option "clients" and is changed there`)
}

function assertHasSecrets(record: ClientRecord): void {
  if (!record.metadata.token_endpoint_auth_method?.startsWith('client_secret'))
    throw new OAuthError('invalid_client_metadata', 'the client does not authenticate by a secret')
}

function summaryOf(server: ServerContext, clientId: string, record: ClientRecord): ClientSummary {
  const { name, redirectUris, authMethods, grantTypes, ownAccess } = registeredClient(clientId, record)
  const { createdAt, usedAt, expiresAt } = record
  const secrets = liveSecrets(record.secrets, server.clock.now()).map(({ digest: _, ...rest }) => rest)
  const registeredBy = record.registeredBy === 'app' ? 'app' : 'client'
  const clientCredentials = told(ownAccess)
  return {
    clientId,
    name,
    registeredBy,
    redirectUris,
    authMethods,
    grantTypes,
    clientCredentials,
    createdAt,
    usedAt,
    expiresAt,
    secrets
  }
}

// What is not stored here has no history here.
function foreignSummary(
  { clientId, name, redirectUris, authMethods, grantTypes, ownAccess }: Client,
  registeredBy: 'options' | 'source'
): ClientSummary {
  const never = { createdAt: null, usedAt: null, expiresAt: null, secrets: [] }
  const clientCredentials = told(ownAccess)
  return { clientId, name, registeredBy, redirectUris, authMethods, grantTypes, clientCredentials, ...never }
}

function told(access: Client['ownAccess']): ClientSummary['clientCredentials'] {
  return Object.fromEntries([...(access ?? [])].map(([resource, scopes]) => [resource, [...scopes]]))
}
