/** Servers that many people want to connect, ready for the options. */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import type { OAuthOptions, ServerInput } from '../options.ts'
import { PRESETS, type Preset, type PresetId } from './catalogue.ts'

export { PRESETS, type Preset, type PresetFact, type PresetId } from './catalogue.ts'

/** What an app changes of a preset, or adds to it. `oauth` is merged member by member, everything else replaces. */
export type PresetChanges = Partial<ServerInput>

/**
 * A server for the option `servers`: `{ linear: preset('linear'), github: preset('github', { oauth: { client } }) }`.
 *
 * Asks nobody: what the preset knows was read from the sources named in {@link PRESETS}, and providers change their minds.
 *
 * @throws ConfigurationError when there is no such preset, or it needs something that only the app can give: a client that was registered
 *   by hand, or the URL
 */
export function preset(id: PresetId, changes: PresetChanges = {}): ServerInput {
  const found: Preset | undefined = Object.hasOwn(PRESETS, id) ? PRESETS[id] : undefined
  if (!found) throw refused(id, `is none of: ${Object.keys(PRESETS).join(', ')}`)
  const url = changes.url ?? found.server.url
  if (url === null) throw refused(id, 'needs "url": every organization has its own')
  const oauth = mergeOAuth(found.server.oauth, changes.oauth)
  const auth = changes.auth ?? found.server.auth
  if (auth === 'oauth' && found.needsClient && !oauth?.client)
    throw refused(id, 'needs "oauth.client": the provider registers clients by hand only')
  return { ...found.server, ...changes, url, ...(oauth && auth === 'oauth' ? { oauth } : {}) }
}

function mergeOAuth(known: OAuthOptions | undefined, changed: OAuthOptions | undefined): OAuthOptions | undefined {
  return known || changed ? { ...known, ...changed } : undefined
}

function refused(id: string, why: string): ConfigurationError {
  return new ConfigurationError('FST_OAUTH_OPTION', `connections: preset "${id}" ${why}`)
}
