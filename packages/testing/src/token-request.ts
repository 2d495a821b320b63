/** Form requests with client authentication: token and revocation endpoint. */
import type { HttpResponse, Send } from './transport.ts'

/** Parameters to add or replace. Null leaves one out, a list sends it several times. */
export type Bends = { readonly [parameter: string]: string | readonly string[] | null | undefined }

/** How a client says who it is. @see RFC 6749 section 2.3 */
export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret?: string | undefined
  /** `client_secret_basic` when there is a secret and nothing else was said. */
  readonly authMethod?: string | undefined
}

/** Undefined in `changes` changes nothing. */
export function bend(parameters: Bends, changes: Bends): Bends {
  const defined = Object.entries(changes).filter(([, value]) => value !== undefined)
  return { ...parameters, ...Object.fromEntries(defined) }
}

export function toFormBody(parameters: Bends): string {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    for (const one of value === null || value === undefined ? [] : [value].flat()) body.append(name, one)
  return body.toString()
}

/**
 * @param request `bent` names what the test changed: credentials that it replaced or removed are not added again
 * @see RFC 6749 section 2.3.1
 */
export function sendTokenRequest(
  send: Send,
  request: { url: string; credentials: ClientCredentials; parameters: Bends; bent: Bends }
): Promise<HttpResponse> {
  const { clientId, clientSecret, authMethod = 'client_secret_basic' } = request.credentials
  const isBasic = clientSecret !== undefined && authMethod === 'client_secret_basic'
  const identity: Bends = isBasic ? {} : { client_id: clientId, client_secret: clientSecret ?? null }
  return send({
    method: 'POST',
    url: request.url,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...(isBasic ? { authorization: basicCredentials(clientId, clientSecret) } : {})
    },
    body: toFormBody(bend({ ...request.parameters, ...identity }, request.bent))
  })
}

function basicCredentials(clientId: string, clientSecret: string): string {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}
