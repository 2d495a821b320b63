/** The client of an open question, for what its page loads besides: looking decides nothing, and does not count. */
import { type ConsentRequest, isInteractionError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'
import { assertOpen } from './answer.ts'
import { findInteraction } from './find-interaction.ts'

/** @returns null without a question of this browser that waits for somebody who is signed in */
export async function presentedClient(
  server: ServerContext,
  request: FastifyRequest,
  handle: string
): Promise<ConsentRequest['client'] | null> {
  try {
    const interaction = await findInteraction(server, request, handle)
    assertOpen(server, interaction)
    if ((await server.users.session(request)) === null) return null
    const { refreshable: _, ...client } = interaction.client
    return { clientId: interaction.clientId, ...client }
  } catch (error) {
    if (isInteractionError(error)) return null
    throw error
  }
}
