/**
 * Answers an interaction, once. A double click on a button makes the browser drop the first response and wait for the second, so
 * the same decision of the same browser gets the same answer again, as long as nobody has used it.
 */
import { digest, InteractionError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { InteractionRecord } from '../records.ts'

export interface Answer {
  readonly handle: string
  readonly interaction: InteractionRecord
  readonly decision: 'allow' | 'deny'
  readonly redirectTo: string
  /** The grant whose code is in `redirectTo`. */
  readonly grantId: string | null
}

interface Outcome {
  readonly redirectTo: string
  readonly grantId: string | null
}

/** @throws InteractionError `interaction_answered` or `interaction_expired` */
export function assertOpen(server: ServerContext, { answeredAt, expiresAt, client }: InteractionRecord): void {
  if (answeredAt !== null) throw answered(client.name)
  if (expiresAt <= server.clock.now()) {
    throw new InteractionError('interaction_expired', { statusCode: 410, clientName: client.name })
  }
}

function answered(clientName: string): InteractionError {
  return new InteractionError('interaction_answered', { statusCode: 409, clientName })
}

/**
 * Consumes the interaction by one conditional write, before anything is issued for it.
 *
 * @returns `first`: whether this call did; where to send the browser, which for a repeated decision is where the first one sent it
 * @throws InteractionError when it expired, or was answered otherwise
 */
export async function answer(server: ServerContext, given: Answer): Promise<{ first: boolean; redirectTo: string }> {
  const { handle, interaction, decision, redirectTo, grantId } = given
  if (interaction.answeredAt === null) {
    assertOpen(server, interaction)
    const outcome = JSON.stringify({ redirectTo, grantId } satisfies Outcome)
    const won = await server.records.interactions.update(
      digest(handle),
      { answeredAt: null },
      { answeredAt: server.clock.now(), outcome: server.keyRing.seal(outcome, outcomeContext(handle, decision)) }
    )
    if (won) return { first: true, redirectTo }
  }
  const outcome = await readOutcome(server, handle, decision)
  if (!outcome || !(await isUnused(server, outcome.grantId))) throw answered(interaction.client.name)
  return { first: false, redirectTo: outcome.redirectTo }
}

async function readOutcome(server: ServerContext, handle: string, decision: string): Promise<Outcome | null> {
  const interaction = await server.records.interactions.get(digest(handle))
  if (!interaction?.outcome || interaction.expiresAt <= server.clock.now()) return null
  const text = server.keyRing.unseal(interaction.outcome, outcomeContext(handle, decision))
  return text === null ? null : (JSON.parse(text) as Outcome)
}

// A code that was used must not travel again: the client would redeem it twice, which looks like theft and ends the grant.
async function isUnused(server: ServerContext, grantId: string | null): Promise<boolean> {
  if (grantId === null) return true
  const grant = await server.records.grants.get(grantId)
  // Not stored yet: the first request is just about to.
  if (!grant) return true
  return grant.codeConsumedAt === null && grant.revokedAt === null && grant.codeExpiresAt > server.clock.now()
}

// The handle is in no record, so that a database and a key are not enough to read the code; the other decision opens nothing.
const outcomeContext = (handle: string, decision: string): string => `outcome ${decision} ${handle}`
