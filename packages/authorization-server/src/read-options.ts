/** Reads the options: each by its schema, then what they must promise together. At boot, before anything is opened. */
import {
  addressRanges,
  assertIssuer,
  assertRedirectUri,
  ConfigurationError,
  canonicalResource,
  isHttpLoopback,
  isOAuthError,
  isScopeToken,
  readStorage,
  resolveOptions
} from '@fastify-mcp-auth/core'
import { assertJwtBearer } from './assertions/read-options.ts'
import { JWT_BEARER } from './assertions/trusted-issuers.ts'
import { defaultScopesOf, isScopeOptions, OFFLINE_ACCESS } from './catalogue.ts'
import { readKeySource } from './clients/client-keys.ts'
import { CLIENT_CREDENTIALS, faultOf } from './clients/own-access.ts'
import { DEVICE_CODE } from './grants/device-code.ts'
import { Options } from './options.ts'

/** @throws ConfigurationError naming the option */
export function readOptions(input: unknown): Options {
  const options = resolveOptions(Options, input, 'authorization-server')
  assertCoherent(options)
  return options
}

function assertCoherent(options: Options): void {
  assertIssuer(options.issuer)
  const { pathname } = new URL(options.issuer)
  if (options.issuer.endsWith('/'))
    throw refused('issuer', 'must not end with "/": clients compare it character by character')
  // The path becomes part of a route, where other characters have a meaning.
  if (!/^[A-Za-z0-9._~/-]*$/.test(pathname)) throw refused('issuer', 'has a path with a character that is not allowed')
  if (options.rootAliases && pathname !== '/')
    throw refused('rootAliases', 'is for an issuer without a path: what is guessed is guessed at the root')
  assertResources(options)
  assertClients(options)
  assertJwtBearer(options)
  if (options.rateLimit) assertRanges(options.rateLimit.sharedEgress)
  // The grant ends with its refresh token, and a token must not be promised for longer than that.
  if (options.refreshTokenTtl < Math.min(options.accessTokenTtl, options.grantTtl))
    throw refused('refreshTokenTtl', 'must not be shorter than "accessTokenTtl"')
  if (options.refreshTokenTtl > options.grantTtl) throw refused('refreshTokenTtl', 'must not be longer than "grantTtl"')
  assertKeys(options)
  assertStorage(options)
}

function refused(option: string, why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `authorization-server: option "${option}" ${why}`)
}

function assertResources(options: Options): void {
  const { resources } = options
  const seen = new Set<string>()
  for (const [uri, definition] of Object.entries(resources)) {
    const canonical = resourceOrNull(uri)
    if (canonical === null) throw refused('resources', `has a key that is no absolute http(s) URI: ${uri}`)
    if (!canonical.startsWith('https:') && !isHttpLoopback(uri))
      throw refused('resources', `needs https, or http on a loopback host: ${uri}`)
    if (seen.has(canonical)) throw refused('resources', `names the same resource twice: ${uri}`)
    seen.add(canonical)
    assertAccessToken(uri, definition.accessToken, options)
    assertScopes(uri, definition, Object.keys(options.openid?.scopes ?? {}))
  }
  if (seen.size === 0) throw refused('resources', 'needs at least one resource')
  if (Object.values(resources).filter(definition => definition.default).length > 1)
    throw refused('resources', 'has more than one default')
}

function assertAccessToken(
  uri: string,
  { format, algorithm, lifetime = 0 }: NonNullable<Options['resources'][string]['accessToken']> = {},
  { issuer, refreshTokenTtl, grantTtl }: Options
): void {
  const option = `resources.${uri}.accessToken`
  // The secret never leaves this server, so a resource server somewhere else could not check a single token.
  if (algorithm === 'HS256' && new URL(uri).origin !== new URL(issuer).origin)
    throw refused(
      `${option}.algorithm`,
      'HS256 is for a resource server in the same process, at the origin of the issuer'
    )
  if (algorithm === 'HS256' && format === 'opaque')
    throw refused(`${option}.algorithm`, 'HS256 signs no token and no introspection answer of an opaque format')
  if (refreshTokenTtl < Math.min(lifetime, grantTtl))
    throw refused(`${option}.lifetime`, 'must not be longer than "refreshTokenTtl"')
}

function assertScopes(
  uri: string,
  { scopes, defaultScopes }: Options['resources'][string],
  identityScopes: readonly string[]
): void {
  const option = `resources.${uri}`
  for (const [scope, definition] of Object.entries(scopes)) {
    if (!isScopeToken(scope)) throw refused(`${option}.scopes`, `has a name with a forbidden character: ${scope}`)
    if (scope === OFFLINE_ACCESS) throw refused(`${option}.scopes`, `must not name "${OFFLINE_ACCESS}"`)
    if (identityScopes.includes(scope))
      throw refused(`${option}.scopes`, `must not name "${scope}", which is a scope of option "openid"`)
    const implied = isScopeOptions(definition) ? (definition.implies ?? []) : []
    const unknown = implied.find(other => !Object.hasOwn(scopes, other))
    if (unknown !== undefined) throw refused(`${option}.scopes`, `"${scope}" implies an unknown scope "${unknown}"`)
  }
  const unknown = defaultScopes?.find(scope => !Object.hasOwn(scopes, scope))
  if (unknown !== undefined) throw refused(`${option}.defaultScopes`, `names an unknown scope "${unknown}"`)
  // Nothing to say yes to would end as a refusal that nobody understands.
  if (defaultScopesOf({ scopes, defaultScopes }).length === 0)
    throw refused(`${option}.defaultScopes`, 'must name a scope: a request without scope would ask for nothing')
}

function assertClients(options: Options): void {
  const { clients, privateUseRedirectUris, resources } = options
  for (const client of clients) {
    if (client.require_pushed_authorization_requests && options.pushedAuthorizationRequests === 'off')
      throw refused(
        'clients',
        `"${client.client_id}" has to push its requests, and "pushedAuthorizationRequests" is off`
      )
    assertAuthentication(client)
    assertGrantTypes(client, options)
    assertClientCredentials(client, options)
    if (client.redirect_uris.length === 0 && usesBrowser(client))
      throw refused('clients', `"${client.client_id}" has no redirect_uris`)
    assertResourceServer(client, resources)
    for (const uri of [...client.redirect_uris, ...(client.post_logout_redirect_uris ?? [])]) {
      try {
        assertRedirectUri(uri, privateUseRedirectUris)
      } catch {
        throw refused('clients', `"${client.client_id}" has a redirect URI that is not acceptable: ${uri}`)
      }
    }
  }
  if (new Set(clients.map(client => client.client_id)).size !== clients.length)
    throw refused('clients', 'has the same client_id twice')
}

function usesBrowser({
  grant_types: grantTypes,
  introspects,
  client_credentials
}: Options['clients'][number]): boolean {
  return grantTypes?.includes('authorization_code') ?? !(introspects || client_credentials)
}

function assertClientCredentials(client: Options['clients'][number], { resources }: Options): void {
  const { client_id, client_credentials: access, grant_types, client_secret_digest, jwks, jwks_uri } = client
  // One without the other would look like access, and be none.
  if (grant_types !== undefined && grant_types.includes(CLIENT_CREDENTIALS) !== (access !== undefined))
    throw refused(
      'clients',
      `"${client_id}" needs both: ${CLIENT_CREDENTIALS} among its grant_types, and its own to say what for`
    )
  if (access === undefined) return
  const fault = faultOf(access, resources)
  if (fault !== null) throw refused('clients', `"${client_id}" has client_credentials for ${fault}`)
  if (!(client_secret_digest ?? jwks ?? jwks_uri))
    throw refused('clients', `"${client_id}" has client_credentials and so needs a client_secret_digest or keys`)
}

function assertGrantTypes({ client_id, grant_types = [] }: Options['clients'][number], options: Options): void {
  const known = [
    'authorization_code',
    'refresh_token',
    CLIENT_CREDENTIALS,
    ...(options.deviceAuthorization ? [DEVICE_CODE] : []),
    ...(options.jwtBearer ? [JWT_BEARER] : [])
  ]
  const unknown = grant_types.find(grantType => !known.includes(grantType))
  if (unknown === DEVICE_CODE)
    throw refused('clients', `"${client_id}" is for devices, and there is no option "deviceAuthorization"`)
  if (unknown === JWT_BEARER)
    throw refused('clients', `"${client_id}" comes with assertions, and there is no option "jwtBearer"`)
  if (unknown !== undefined) throw refused('clients', `"${client_id}" has a grant type that is not known: ${unknown}`)
}

function assertAuthentication(client: Options['clients'][number]): void {
  if (client.client_secret_digest !== undefined && (client.jwks ?? client.jwks_uri) !== undefined)
    throw refused('clients', `"${client.client_id}" has a secret and keys: choose one`)
  try {
    readKeySource(client)
  } catch (error) {
    if (!isOAuthError(error)) throw error
    throw refused('clients', `"${client.client_id}": ${error.description}`)
  }
}

function assertResourceServer(
  { client_id, client_secret_digest, jwks, jwks_uri, introspects = [] }: Options['clients'][number],
  resources: Options['resources']
): void {
  const known = new Set(Object.keys(resources).map(canonicalResource))
  const unknown = introspects.find(resource => !known.has(resourceOrNull(resource) ?? ''))
  if (unknown !== undefined) throw refused('clients', `"${client_id}" introspects an unknown resource: ${unknown}`)
  if (introspects.length > 0 && !(client_secret_digest ?? jwks ?? jwks_uri))
    throw refused('clients', `"${client_id}" introspects and so needs a client_secret_digest or keys`)
}

function assertKeys({ keyRotationInterval, signers }: Options): void {
  // A key is published for a day after its last use; faster would only fill the key set.
  if (keyRotationInterval !== 0 && keyRotationInterval < 86_400)
    throw refused('keyRotationInterval', 'must be 0 or at least 86400 (a day)')
  const keys = new Set(signers.map(({ algorithm, publicJwk }) => JSON.stringify([algorithm, publicJwk])))
  if (keys.size !== signers.length) throw refused('signers', 'has the same key twice')
}

function assertRanges(ranges: readonly string[]): void {
  try {
    addressRanges(ranges)
  } catch (error) {
    throw refused(
      'rateLimit.sharedEgress',
      `has something else than ranges: ${error instanceof Error ? error.message : ''}`
    )
  }
}

function assertStorage({ storage, issuer, encryptionKeys }: Options): void {
  const { default: lasting, shortLived } = readStorage(storage)
  const drivers = [lasting, shortLived]
  if (drivers.some(({ capabilities }) => !capabilities.atomic) && !isHttpLoopback(issuer)) {
    throw new ConfigurationError(
      'FST_OAUTH_STORAGE',
      'authorization-server: option "storage" is not atomic, so a code could be redeemed twice'
    )
  }
  if (lasting.capabilities.shared && !shortLived.capabilities.shared) {
    throw new ConfigurationError(
      'FST_OAUTH_STORAGE',
      'authorization-server: option "storage.shortLived" is not shared, but "storage.default" is: a second process would not know what the first one began'
    )
  }
  // A key made at boot would be lost with the process, or unknown to the others.
  if (drivers.some(({ capabilities }) => capabilities.durable || capabilities.shared) && !encryptionKeys) {
    throw refused(
      'encryptionKeys',
      'is missing: signing keys are kept encrypted in a durable or shared storage. Make one with `openssl rand -base64 32`'
    )
  }
}

function resourceOrNull(uri: string): string | null {
  try {
    return canonicalResource(uri)
  } catch {
    return null
  }
}
