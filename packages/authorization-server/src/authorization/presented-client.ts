/** The client of an open question, for what its page loads besides: looking decides nothing, and does not count. */
import { type ConsentRequest, digest, equalInConstantTime } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'
import { browserDigest } from './browser.ts'

/** @returns null without a question of this browser that waits for somebody who is signed in */
export async function presentedClient(
  server: ServerContext,
  request: FastifyRequest,
  handle: string
): Promise<ConsentRequest['client'] | null> {
  const interaction = await server.records.interactions.get(digest(handle))
  const browser = browserDigest(server, request)
  if (!interaction || browser === null || !equalInConstantTime(browser, interaction.browserDigest)) return null
  if (interaction.answeredAt !== null || interaction.expiresAt <= server.clock.now()) return null
  if ((await server.users.session(request)) === null) return null
  const { refreshable: _, ...client } = interaction.client
  return { clientId: interaction.clientId, ...client }
}
