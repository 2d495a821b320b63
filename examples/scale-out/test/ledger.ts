/** Clients at work through the balancer while processes die, and what they were handed. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  askToken,
  clientOf,
  codeGrant,
  refreshGrant,
  type TokenAnswer
} from 'example-all-in-one/test/token-requests.ts'

export interface Ledger {
  /** Codes whose redemption was answered with tokens. */
  readonly redeemed: Record<string, string>[]
  /** Codes of which nobody knows whether they were redeemed: the answer got lost. */
  readonly unanswered: Record<string, string>[]
  /** The last tokens of each grant that reached the client, and whether the client gave them back. */
  readonly grants: { accessToken: string | undefined; refreshToken: string | undefined; revoked: boolean }[]
  /** Answers that are neither right nor a sign of a killed process. */
  readonly wrong: string[]
  /** How often a request got no answer, or 502. */
  cuts: number
}

export function newLedger(): Ledger {
  return { redeemed: [], unanswered: [], grants: [], wrong: [], cuts: 0 }
}

/** Milliseconds between two grants: all clients have the address of this computer, whose requests are limited. */
const PACE = 400

/** Authorizes, redeems, refreshes, sometimes revokes, until the time is over. */
export async function work(origin: string, ledger: Ledger, until: number): Promise<void> {
  let client = clientOf(origin)
  for (; Date.now() < until; await sleep(PACE)) {
    const answer = await client.authorize().catch(() => null)
    if (!answer) {
      ledger.cuts++
      // Somebody whose browser lost its answer begins anew.
      client = clientOf(origin)
      continue
    }
    const request = codeGrant(answer)
    const first = await ask(origin, request)
    // Not asked again: a code that comes twice ends what it bought.
    if (isCut(first)) {
      ledger.cuts++
      ledger.unanswered.push(request)
      continue
    }
    if (first.status !== 200) {
      ledger.wrong.push(`redemption: ${first.status} ${first.body.error}`)
      continue
    }
    ledger.redeemed.push(request)
    await use(origin, first, ledger)
  }
}

async function use(origin: string, first: TokenAnswer, ledger: Ledger): Promise<void> {
  const grant = { accessToken: first.body.access_token, refreshToken: first.body.refresh_token, revoked: false }
  ledger.grants.push(grant)
  for (let round = 0; round < 3; round++) {
    const next = await retried(() => ask(origin, refreshGrant(grant.refreshToken)), ledger)
    if (next.status !== 200) {
      ledger.wrong.push(`refresh: ${next.status} ${next.body.error}`)
      return
    }
    grant.accessToken = next.body.access_token
    grant.refreshToken = next.body.refresh_token
  }
  if (Math.random() < 0.3) {
    const revoked = await retried(() => revoke(origin, grant.refreshToken ?? ''), ledger)
    if (revoked.status === 200) grant.revoked = true
    else ledger.wrong.push(`revocation: ${revoked.status}`)
  }
}

/** As clients do: the same request once more, until somebody answers. */
async function retried(request: () => Promise<TokenAnswer>, ledger: Ledger): Promise<TokenAnswer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await request()
    if (!isCut(answer) || attempt === 100) return answer
    ledger.cuts++
    await sleep(50)
  }
}

const CUT: TokenAnswer = { status: 0, body: {} }

function isCut({ status }: TokenAnswer): boolean {
  return status === 0 || status === 502 || status === 503
}

function ask(origin: string, parameters: Record<string, string>): Promise<TokenAnswer> {
  return askToken({ origin }, parameters).catch(() => CUT)
}

async function revoke(origin: string, token: string): Promise<TokenAnswer> {
  const body = new URLSearchParams({ client_id: 'demo-cli', token })
  const response = await fetch(`${origin}/oauth/revoke`, { method: 'POST', body }).catch(() => null)
  return response ? { status: response.status, body: {} } : CUT
}
