/** A server of the registry without its secret: that there is one is all that anybody is shown. */
import type { ServerDefinition } from '../options.ts'
import type { RegisteredServer } from '../types.ts'

export interface RegisteredServerView extends Omit<RegisteredServer, 'definition'> {
  readonly definition: Omit<ServerDefinition, 'oauth'> & { readonly oauth?: OAuthView }
}

interface OAuthView {
  readonly client?: { readonly issuer: string; readonly clientId: string; readonly hasSecret: boolean }
  /** Left out where a function of the app decides. */
  readonly scopes?: readonly string[]
  readonly issuer?: string
  readonly resource?: string
}

export function viewOfServer({ id, definition, source, disabled }: RegisteredServer): RegisteredServerView {
  const { oauth, ...rest } = definition
  const { client, scopes, issuer, resource } = oauth ?? {}
  return {
    id,
    source,
    disabled,
    definition: {
      ...rest,
      ...(oauth && {
        oauth: {
          ...(issuer !== undefined && { issuer }),
          ...(resource !== undefined && { resource }),
          ...(Array.isArray(scopes) && { scopes }),
          ...(client && {
            client: { issuer: client.issuer, clientId: client.clientId, hasSecret: client.clientSecret !== undefined }
          })
        }
      })
    }
  }
}
