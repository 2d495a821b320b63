/**
 * What an authorization server says about itself, read at its own well-known places and nowhere else. Whatever server of ours named it, the
 * answer is the same, so nothing of that server is in it.
 *
 * @see RFC 8414 section 3
 */
import {
  type AuthorizationServerMetadata,
  authorizationServerMetadataUrls,
  type Clock,
  readMetadata,
  type SafeResponse
} from '@fastify-mcp-auth/core'
import { DocumentReader } from './document-reader.ts'
import { clockAhead, freshFor } from './freshness.ts'
import type { Route } from './network.ts'
import { StepLog } from './step-log.ts'
import type { DiscoveryStep } from './types.ts'

export type IssuerDocument = AuthorizationServerMetadata & { readonly [member: string]: unknown }

/** A look at an authorization server. */
export interface IssuerMetadata {
  /** Null when there is none that counts. */
  readonly document: IssuerDocument | null
  /** Seconds that its clock is ahead of ours; null when its answer has no date. */
  readonly clockAhead: number | null
  /** Seconds for which it may be used again. */
  readonly freshFor: number
  /** Why one that may be there could not be read. */
  readonly outage: unknown
  /** What stopped the look: a place that this app must not ask. */
  readonly refusal: unknown
  /** There is one, and it is that of another issuer. */
  readonly isForeign: boolean
  readonly steps: readonly DiscoveryStep[]
}

const WANTED = { step: 'authorization server metadata', spec: 'RFC 8414 section 3' }

const FOREIGN_ISSUER = 'is for another issuer'

/** @param spellings of one issuer; the document may have any of them */
export async function readIssuer(
  route: Route,
  spellings: readonly [string, ...string[]],
  clock: Clock
): Promise<IssuerMetadata> {
  const log = new StepLog()
  const reader = new DocumentReader(route, log)
  let isForeign = false
  const ended = (end: Partial<IssuerMetadata>): IssuerMetadata =>
    Object.freeze({
      document: null,
      clockAhead: null,
      freshFor: freshFor({}),
      outage: null,
      refusal: null,
      isForeign,
      steps: log.steps,
      ...end
    })
  for (const place of authorizationServerMetadataUrls(spellings[0])) {
    let response: SafeResponse | null
    try {
      response = await reader.fetch(place, WANTED)
    } catch (refusal) {
      return ended({ refusal })
    }
    if (response === null) continue
    const { headers } = response
    const judged = spellings.map(issuer => readMetadata(response, issuer))
    const document = judged.find(verdict => typeof verdict !== 'string')
    const verdict = document ? 'found' : ownWords(String(judged[0]))
    log.add(WANTED.step, place, document ? 'ok' : 'failed', verdict, WANTED.spec)
    isForeign ||= verdict === FOREIGN_ISSUER
    if (document)
      return ended({
        document: document as IssuerDocument,
        clockAhead: clockAhead(headers, clock.now()),
        freshFor: freshFor(headers)
      })
  }
  return ended({ outage: reader.outage })
}

// What the document says is not for our pages.
function ownWords(verdict: string): string {
  if (verdict.startsWith('is for the issuer')) return FOREIGN_ISSUER
  return verdict.includes('is not an https URL') ? 'names an endpoint that is not https' : verdict
}
