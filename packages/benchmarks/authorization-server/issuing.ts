/** What the contenders issue: access tokens for one resource to one client that everybody knows beforehand. */
import type { Contender } from '../contender.ts'

/** Crosses a process boundary as JSON. */
export interface Issuing {
  /** The issuer is `http://127.0.0.1:<port>`, so the port has to be known before the server is. */
  readonly port: number
  /** A public client. */
  readonly clientId: string
  readonly redirectUri: string
  /** Its access tokens are JWTs. */
  readonly resource: string
  /** Its access tokens are opaque, where a contender knows both. */
  readonly opaqueResource: string
  /** A confidential client that asks about tokens of both. */
  readonly introspector: { readonly id: string; readonly secret: string }
  /** Space-separated. */
  readonly scope: string
}

/**
 * Who is signed in is what the header `x-user` says. A contender that asks for consent answers with JSON, the least page there is:
 * where to post the decision, and what.
 */
export type IssuingContender = Contender<Issuing>

export interface ConsentForm {
  readonly action: string
  readonly fields: readonly (readonly [name: string, value: string])[]
}

export function issuerOf({ port }: Issuing): string {
  return `http://127.0.0.1:${port}`
}
