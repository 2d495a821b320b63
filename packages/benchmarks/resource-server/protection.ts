/** What the contenders protect, and how: one route that answers a constant, for holders of a token with one scope. */
import type { Contender } from '../contender.ts'

export const ALGORITHMS = ['ES256', 'RS256', 'EdDSA', 'HS256'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** Everything a contender needs to check a token. All of it crosses a process boundary as JSON. */
export interface Protection {
  readonly algorithm: Algorithm
  readonly issuer: string
  readonly jwksUri: string
  /** Audience of the tokens. */
  readonly resource: string
  readonly scope: string
  /** For contenders that are given a key and do not fetch one. */
  readonly publicKey: { readonly pem: string; readonly kid: string } | null
  /** For HS256 only. */
  readonly secret: string | null
}

export type ProtectionContender = Contender<Protection>

export const PATH = '/mcp'
export const ANSWER = { ok: true }
