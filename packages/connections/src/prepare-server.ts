/** What can be done for a server before anybody connects: finding its authorization server, and becoming a client there. */
import { assertSignIn, assertUsable } from './authorize.ts'
import { resolveClient } from './client-registration.ts'
import type { Context } from './context.ts'
import type { PreparedServer } from './types.ts'

export async function prepareServer(context: Context, id: string): Promise<PreparedServer> {
  const server = await context.registry.usable(id)
  const target = { server, definition: server.definition }
  assertSignIn(target)
  const found = await context.discoveries.look(context, target)
  const { clientId, source: registration } = await context.discoveries.using(found, async () => {
    assertUsable(target, found)
    return resolveClient(context, target, found)
  })
  const { issuer, resource } = found
  return Object.freeze({ issuer, resource, clientId, registration })
}
