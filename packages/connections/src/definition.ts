/** What a server has to be to get into the registry, by the options or while the app runs. */
import { isHttpLoopback, isScopeToken } from '@fastify-mcp-auth/core'
import type { ResolvedOptions, ServerDefinition } from './options.ts'
import { isOwnHeader, paramNamesFault } from './param-names.ts'

const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** What is wrong with it as a whole, or null. Each member is right by its schema already. */
export function definitionFault(
  id: string,
  definition: ServerDefinition,
  { network, servers }: Pick<ResolvedOptions, 'network' | 'servers'>
): string | null {
  const { url, auth, mode, oauth, header, internal } = definition
  if (!ID.test(id)) return 'has an id that is not made of lower-case letters, digits, "-" and "_"'
  const parsed = URL.parse(url)
  if (parsed?.hash !== '' || parsed.username !== '' || parsed.password !== '')
    return '"url" must be an absolute URL without fragment and user information'
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && (internal || isHttpLoopback(url))))
    return '"url" must be https'
  if (isHttpLoopback(url) && !network.allowLoopback && !internal)
    return '"url" is on loopback: "network.allowLoopback" is off'
  if (mode === 'shared' && auth === 'oauth' && !definition.acknowledgeShared)
    return 'is shared: everybody would act as the one person who connects it. Say so by "acknowledgeShared"'
  if (definition.fallback !== undefined) {
    const shared = Object.hasOwn(servers, definition.fallback) ? servers[definition.fallback] : undefined
    if (shared?.mode !== 'shared' || shared.url !== url || mode === 'shared')
      return '"fallback" must be the id of a shared server of the options with the same "url"'
    // What was reviewed is remembered with the connection that sees it, and that is the shared one.
    if (definition.tools?.approveChanges && !shared.tools?.approveChanges)
      return `has "tools.approveChanges": its "fallback" "${definition.fallback}" needs it, too`
  }
  if (auth === 'header' && !header) return 'needs "header"'
  if (header && !isOwnHeader(header.name)) return '"header.name" cannot be a header of ours'
  if (header?.prefix && !/^[\x20-\x7E]*$/.test(header.prefix))
    return '"header.prefix" has a character that cannot be sent'
  if (definition.params && auth === 'none') return '"params" go with a credential, and "auth" is "none"'
  const misnamed = definition.params && paramNamesFault(definition.params, header?.name)
  if (misnamed) return misnamed
  if (auth === 'client_credentials' && !oauth?.client) return 'needs "oauth.client"'
  if ((auth === 'jwt_bearer' || auth === 'id_jag') && !oauth?.assertion) return 'needs "oauth.assertion"'
  if (Array.isArray(oauth?.scopes) && !oauth.scopes.every(isScopeToken))
    return '"oauth.scopes" has a text that is no scope'
  return null
}
