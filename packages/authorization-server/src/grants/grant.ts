/** A grant type at the token endpoint: a small value, dispatched by a map. A new one is one file and one line. */
import { OAuthError, type TokenResponse } from '@fastify-mcp-auth/core'
import type { Static, TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import Value from 'typebox/value'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import type { Form } from '../form-body.ts'

export interface Grant {
  readonly grantType: string
  /** Its token is a grant from the moment when it is issued, and nothing before: see `recent-revocations.ts`. */
  readonly isImmediate: boolean
  exchange(call: { server: ServerContext; client: Client; form: Form; since: string | null }): Promise<TokenResponse>
  /** For what proves by itself who asks, so that there is no client to authenticate. @see RFC 7521 section 4.1 */
  readonly withoutClient?: {
    applies(call: Pick<AloneCall, 'server' | 'form'>): boolean
    exchange(call: AloneCall): Promise<TokenResponse>
  }
}

export interface AloneCall {
  readonly server: ServerContext
  readonly form: Form
  /** The header, if there is one. */
  readonly authorization: string | undefined
  /** The last revocation of many before the request was looked at. */
  readonly since: string | null
}

/** @param definition `body` declares the parameters; `exchange` gets them typed and checked */
export function defineGrant<S extends TObject>(definition: {
  grantType: string
  isImmediate?: boolean
  body: S
  exchange(call: {
    server: ServerContext
    client: Client
    body: Static<S>
    /** The last revocation of many before the client was looked at; null unless `isImmediate`. */
    since: string | null
  }): Promise<TokenResponse>
}): Grant {
  const body = Compile(definition.body)
  return {
    grantType: definition.grantType,
    isImmediate: definition.isImmediate ?? false,
    exchange({ server, client, form, since }) {
      if (!body.Check(form))
        throw new OAuthError('invalid_request', complaint(definition.body, form), { reason: 'malformed_body' })
      return definition.exchange({ server, client, body: form as Static<S>, since })
    }
  }
}

function complaint(schema: TObject, form: Form): string {
  const missing = (schema.required ?? []).find(name => form[name] === undefined)
  if (missing !== undefined) return `${missing} is missing`
  const malformed = Object.entries(schema.properties).find(
    ([name, property]) => form[name] !== undefined && !Value.Check(property, form[name])
  )
  return malformed ? `${malformed[0]} is malformed` : 'the parameters are not acceptable'
}
