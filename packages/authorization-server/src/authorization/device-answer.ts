/**
 * The answer for a device, left where the device will ask for it.
 *
 * @see RFC 8628 section 3.5
 */
import { digest, InteractionError } from '@fastify-mcp-auth/core'
import { devicePage, type ServerContext } from '../context.ts'
import type { InteractionRecord } from '../records.ts'
import { formatUserCode } from './user-code.ts'

type Device = NonNullable<InteractionRecord['device']>

/** Where the person goes who decided. */
export function finishedUrl(server: ServerContext, handle: string): string {
  return devicePage(server, { finished: handle })
}

/**
 * By the one conditional write that decides between two people who entered the same code. Nothing for a request that came by browser.
 *
 * @param grantId what was allowed; null for a no. The very same answer once more changes nothing
 * @throws InteractionError `interaction_answered` when the device has another answer already
 */
export async function answerDevice(
  server: ServerContext,
  { handle, interaction, grantId }: { handle: string; interaction: InteractionRecord; grantId: string | null }
): Promise<void> {
  const { client, device } = interaction
  if (!device) return
  const { deviceAuthorizations } = server.records
  const decidedIn = digest(handle)
  const decision = { decidedAt: server.clock.now(), decidedIn, grantId }
  if (await deviceAuthorizations.update(device.authorization, { decidedAt: null }, decision)) return
  const record = await deviceAuthorizations.get(device.authorization)
  if (record?.decidedIn === decidedIn && record.grantId === grantId) return
  throw new InteractionError('interaction_answered', { statusCode: 409, clientName: client.name })
}

/** To be kept in the interaction. @param key of the record of the device */
export function sealUserCode(server: ServerContext, key: string, userCode: string): string {
  return server.keyRing.seal(userCode, context(key))
}

/** For the consent page. Only a hyphen when the key that it was encrypted under is gone. */
export function userCodeOf(server: ServerContext, { authorization, userCode }: Device): string {
  return formatUserCode(server.keyRing.unseal(userCode, context(authorization)) ?? '')
}

const context = (key: string): string => `user code ${key}`
