/** What the option `jwtBearer` must promise beyond its schema. At boot, before anything is opened. */
import { assertIssuer, ConfigurationError, createStaticJwks, isConfigurationError } from '@fastify-mcp-auth/core'
import { isMetadataDocumentId } from '../clients/metadata-document.ts'
import { faultOf } from '../clients/own-access.ts'
import type { IdentityProvider, Options } from '../options.ts'

/** @throws ConfigurationError naming the option */
export function assertJwtBearer(options: Options): void {
  const { jwtBearer } = options
  if (!jwtBearer) return
  const { identityProviders, workloadIssuers } = jwtBearer
  if (identityProviders.length + workloadIssuers.length === 0) throw refused('', 'trusts nobody: leave it out')
  assertIssuers('identityProviders', identityProviders, options.issuer)
  assertIssuers('workloadIssuers', workloadIssuers, options.issuer)
  const workloads = workloadIssuers.flatMap(({ workloads: some }) => some)
  for (const { client_id, claims, client_credentials } of workloads) {
    const fault = faultOf(client_credentials, options.resources)
    if (fault !== null) throw refused('.workloadIssuers', `gives "${client_id}" access to ${fault}`)
    if (isMetadataDocumentId(client_id))
      throw refused('.workloadIssuers', `names "${client_id}", which is the name of a metadata document`)
    // Everything that runs on the platform would be this workload.
    if (Object.keys(claims).length === 0) throw refused('.workloadIssuers', `says no claim of "${client_id}"`)
  }
  const names = [...workloads, ...options.clients].map(({ client_id }) => client_id)
  const twice = workloads.find(({ client_id }) => names.filter(name => name === client_id).length > 1)
  if (twice) throw refused('.workloadIssuers', `names "${twice.client_id}" twice, or a client has that name`)
}

type KeyOwner = Pick<IdentityProvider, 'issuer' | 'jwksUri' | 'jwks'>

function assertIssuers(list: string, issuers: readonly KeyOwner[], own: string): void {
  for (const { issuer, jwksUri, jwks } of issuers) {
    assertIssuer(issuer, `jwtBearer.${list}.issuer`)
    // Our own tokens would become assertions.
    if (issuer === own) throw refused(`.${list}`, 'names this very server')
    if (jwksUri !== undefined && jwks !== undefined)
      throw refused(`.${list}`, `has both jwksUri and jwks for ${issuer}: choose one`)
    if (jwks !== undefined) assertKeys(list, issuer, jwks)
  }
  if (new Set(issuers.map(({ issuer }) => issuer)).size !== issuers.length)
    throw refused(`.${list}`, 'names the same issuer twice')
}

function assertKeys(list: string, issuer: string, jwks: unknown): void {
  try {
    createStaticJwks(jwks)
  } catch (error) {
    if (!isConfigurationError(error)) throw error
    throw refused(`.${list}`, `needs public keys in the jwks of ${issuer}, without private or symmetric ones`)
  }
}

function refused(below: string, why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `authorization-server: option "jwtBearer${below}" ${why}`)
}
