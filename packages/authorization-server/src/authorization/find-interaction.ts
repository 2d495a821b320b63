/** What somebody is asked, for the browser that was asked. */
import { digest, equalInConstantTime, InteractionError } from '@fastify-mcp-auth/core'
import type { FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'
import type { InteractionRecord } from '../records.ts'
import { browserDigest } from './browser.ts'

/** @throws InteractionError `interaction_unknown`, `interaction_other_browser` */
export async function findInteraction(
  server: ServerContext,
  request: FastifyRequest,
  handle: string
): Promise<InteractionRecord> {
  const interaction = await server.records.interactions.get(digest(handle))
  if (!interaction) throw new InteractionError('interaction_unknown', { statusCode: 404 })
  const browser = browserDigest(server, request)
  // Nothing is told to another browser, not even which client it is about.
  if (browser === null || !equalInConstantTime(browser, interaction.browserDigest)) {
    throw new InteractionError('interaction_other_browser', { statusCode: 403 })
  }
  return interaction
}
