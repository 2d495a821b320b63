/**
 * Answers an interaction, once. A double click on a button makes the browser drop the first response and wait for the second, so
 * the same decision of the same browser gets the same answer again, as long as nobody has used it.
 */
import { digest, InteractionError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { PreparedGrant } from '../grants/lifecycle.ts'
import type { GrantRecord, InteractionRecord } from '../records.ts'

/** What was decided, in full: only the very same decision is a repetition. `deny`, or who allowed what. */
export type Decision = 'deny' | Pick<GrantRecord, 'subject' | 'organization' | 'scopes'>

export interface Outcome {
  readonly redirectTo: string
  /** The grant whose code is in `redirectTo`; null for a denial. */
  readonly grant: Pick<PreparedGrant, 'grantId' | 'record'> | null
}

export interface Answer {
  readonly handle: string
  readonly interaction: InteractionRecord
  readonly decision: Decision
  readonly outcome: Outcome
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
 * @returns the outcome that counts: this one when `first`, else that of the same decision made before. Its grant may not be stored
 *   yet, when the request that should have done it failed
 * @throws InteractionError when it expired, or was answered otherwise
 */
export async function answer(server: ServerContext, given: Answer): Promise<Outcome & { readonly first: boolean }> {
  const { handle, interaction, decision, outcome } = given
  const context = outcomeContext(handle, decision)
  if (interaction.answeredAt === null) {
    assertOpen(server, interaction)
    const won = await server.records.interactions.update(
      digest(handle),
      { answeredAt: null },
      { answeredAt: server.clock.now(), outcome: server.keyRing.seal(JSON.stringify(outcome), context) }
    )
    if (won) return { ...outcome, first: true }
  }
  const before = await readOutcome(server, handle, context)
  // A device gets its answer by itself: what would travel again is only the way to a page.
  const isHarmless = interaction.redirectUri === null
  if (!before || !(isHarmless || (await isUnused(server, before)))) throw answered(interaction.client.name)
  return { ...before, first: false }
}

async function readOutcome(server: ServerContext, handle: string, context: string): Promise<Outcome | null> {
  const interaction = await server.records.interactions.get(digest(handle))
  if (!interaction?.outcome || interaction.expiresAt <= server.clock.now()) return null
  const text = server.keyRing.unseal(interaction.outcome, context)
  return text === null ? null : (JSON.parse(text) as Outcome)
}

// A code that was used must not travel again: the client would redeem it twice, which looks like theft and ends the grant.
async function isUnused(server: ServerContext, { grant }: Outcome): Promise<boolean> {
  if (grant === null) return true
  if (grant.record.codeExpiresAt <= server.clock.now()) return false
  const stored = await server.records.grants.get(grant.grantId)
  return !stored || (stored.codeConsumedAt === null && stored.revokedAt === null)
}

// The handle is in no record, so that a database and a key are not enough to read the code; another decision opens nothing.
function outcomeContext(handle: string, decision: Decision): string {
  if (decision === 'deny') return JSON.stringify(['outcome', handle, decision])
  const { subject, organization, scopes } = decision
  return JSON.stringify(['outcome', handle, 'allow', subject, organization, ...scopes.toSorted()])
}
