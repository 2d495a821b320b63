/**
 * Trades a device code for tokens, once, when a person has said yes. Until then the device asks again and again, and not too often.
 *
 * @see RFC 8628 sections 3.4 and 3.5
 */
import { digest, equalInConstantTime, OAuthError } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { DeviceAuthorizationRecord } from '../records.ts'
import { defineGrant } from './grant.ts'
import { attachProps, grantedResource } from './lifecycle.ts'
import { redeemGrant, replayed } from './redemption.ts'

export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

/** Seconds that are added for a device that asks too often. @see RFC 8628 section 3.5 */
const SLOWER = 5

/** Seconds by which a question may be early: it was on its way for less time than the one before. */
const EARLY = 1

interface Waiting {
  readonly key: string
  readonly secret: string
  readonly record: DeviceAuthorizationRecord
}

export const deviceCode = defineGrant({
  grantType: DEVICE_CODE,
  body: Type.Object({ device_code: Type.String(), resource: Type.Optional(Type.String()) }),
  async exchange({ server, client, body }) {
    const waiting = await findDevice(server, client, body.device_code)
    const { secret, record } = waiting
    const { decidedAt, grantId } = record
    if (decidedAt !== null && grantId === null)
      throw new OAuthError('access_denied', 'the user said no', { reason: 'device_denied', status: 400 })
    const grant = grantId === null ? null : await server.records.grants.get(grantId)
    if (grantId !== null && grant?.codeConsumedAt) throw await replayed(server, grantId, grant)
    if (record.expiresAt <= server.clock.now()) throw expired()
    // Between the yes and the grant is a moment in which there is nothing to hand out yet.
    if (grantId === null || grant === null) throw await pending(server, waiting)
    if (grant.revokedAt !== null) throw invalidGrant('grant_revoked')
    if (grant.codeExpiresAt <= server.clock.now()) throw expired()
    // Before the app is asked: a question that cannot be answered must cost it nothing.
    grantedResource(server, grant, body.resource)
    // Only now somebody has a secret to encrypt it under.
    const attached = await attachProps(server, { secret, record: grant })
    return redeemGrant(server, {
      grantId,
      grant: attached,
      presented: secret,
      resource: body.resource,
      grantType: DEVICE_CODE,
      patch: { props: attached.props }
    })
  }
})

function invalidGrant(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'device_code is invalid, expired or was used before', { reason })
}

function expired(): OAuthError {
  return new OAuthError('expired_token', 'device_code has expired', { reason: 'device_code_expired' })
}

const DEVICE = /^([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/

async function findDevice(server: ServerContext, client: Client, code: string): Promise<Waiting> {
  const [, key = '', secret = ''] = DEVICE.exec(code) ?? []
  const record = key === '' ? null : await server.records.deviceAuthorizations.get(key)
  if (!record || !equalInConstantTime(digest(secret), record.deviceDigest)) throw invalidGrant('unknown_device_code')
  if (record.clientId !== client.clientId) throw invalidGrant('device_code_of_another_client')
  return { key, secret, record }
}

/** Counts the question, where every process counts it; of two at the same moment one is too many. */
async function pending(server: ServerContext, { key, record }: Waiting): Promise<OAuthError> {
  const { interval, polledAt } = record
  const now = server.clock.now()
  const isTooFast = polledAt !== null && now - polledAt < interval - EARLY
  const next = { polledAt: now, interval: isTooFast ? interval + SLOWER : interval }
  const counted = await server.records.deviceAuthorizations.update(key, { polledAt, interval }, next)
  if (isTooFast || !counted)
    return new OAuthError('slow_down', 'asked too often: wait 5 seconds longer from now on', { reason: 'slow_down' })
  return new OAuthError('authorization_pending', 'the user has not decided yet', { reason: 'authorization_pending' })
}
