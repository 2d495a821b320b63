/**
 * Connections that another system holds: keys of a header, tokens of a table. Row by row, so that a move of many can be stopped and begun
 * again; what is connected here already stays as it is.
 */
import { NO_OAUTH, readConnection, writeConnection } from './connection-record.ts'
import { type Context, type Target, targetOf } from './context.ts'
import { asMcpConnectionError, McpConnectionError, type McpConnectionErrorCode } from './errors.ts'
import { sealCredential } from './seal.ts'
import { assertSecret } from './static-credential.ts'
import type { ImportedConnection, ImportReport } from './types.ts'

export async function importConnections<Row>(
  context: Context,
  rows: Iterable<Row> | AsyncIterable<Row>,
  map: (row: Row) => ImportedConnection | null | Promise<ImportedConnection | null>
): Promise<ImportReport> {
  const failures: { row: number; code: McpConnectionErrorCode; message: string }[] = []
  const report = { imported: 0, skipped: 0 }
  let row = -1
  for await (const each of rows) {
    row++
    try {
      const given = await map(each)
      if (given && (await importOne(context, given))) report.imported++
      else report.skipped++
    } catch (error) {
      const known = asMcpConnectionError(error)
      // An outage is not the fault of a row.
      if (!known || known.retryable) throw error
      failures.push({ row, code: known.code, message: known.message })
    }
  }
  return Object.freeze({ ...report, failures })
}

/** @returns false when there is a connection already */
async function importOne(context: Context, given: ImportedConnection): Promise<boolean> {
  const target = await targetOf(context, given.owner, given.server, { account: given.account })
  if (await readConnection(context, target.place)) return false
  const credential = 'secret' in given ? keyOf(context, target, given) : tokensOf(context, target, given)
  const before = await writeConnection(context, target, credential, { isOnlyNew: true })
  if (before) return false
  const { kind, grantedScopes } = credential
  context.events.emit('connected', target.place, { kind, scopes: grantedScopes })
  return true
}

type KeyRow = Extract<ImportedConnection, { readonly secret: string }>
type TokenRow = Exclude<ImportedConnection, KeyRow>

function keyOf({ ring }: Context, { definition, place }: Target, { secret, expiresAt }: KeyRow) {
  const { auth, url } = definition
  if (auth !== 'bearer' && auth !== 'header') throw unfit(place.server, 'is not connected by a key')
  const credential = { token: assertSecret(secret), refreshToken: null, dpopKey: null, client: null }
  const sealed = sealCredential(ring, place, url, credential)
  return { ...NO_OAUTH, url, kind: auth, sealed, accessExpiresAt: expiresAt ?? null }
}

function tokensOf({ ring }: Context, { definition, place }: Target, row: TokenRow) {
  const { url, auth, oauth } = definition
  if (auth !== 'oauth') throw unfit(place.server, 'is not connected by signing in')
  const { clientId, clientSecret = null, authMethod } = row.client
  const token = assertSecret(row.accessToken)
  const refreshToken = row.refreshToken === undefined ? null : assertSecret(row.refreshToken)
  if (!URL.canParse(row.issuer) || clientId === '')
    throw unfit(place.server, 'needs the issuer and the client of its tokens')
  // Of a client that is not in the options nobody knows more than that it got these tokens.
  const isWritten = oauth?.client?.clientId === clientId && oauth.client.issuer === row.issuer
  const source = isWritten ? ('preregistered' as const) : ('dynamic' as const)
  const method = authMethod ?? (clientSecret === null ? ('none' as const) : ('client_secret_basic' as const))
  const client = { clientId, clientSecret, authMethod: method, source, registration: null }
  const scopes = [...(row.scopes ?? [])]
  return {
    ...NO_OAUTH,
    url,
    kind: auth,
    issuer: row.issuer,
    clientId,
    clientSource: source,
    resource: row.resource ?? null,
    grantedScopes: scopes,
    requestedScopes: scopes,
    sealed: sealCredential(ring, place, url, { token, refreshToken, dpopKey: null, client }),
    hasRefreshToken: refreshToken !== null,
    accessExpiresAt: row.expiresAt ?? null
  }
}

function unfit(server: string, why: string): McpConnectionError {
  return new McpConnectionError('MCP_INVALID_INPUT', `"${server}" ${why}`, { server })
}
