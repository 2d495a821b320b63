/** Fetches documents that say where things are. What is wrong with one of them is a step in the log, and not yet an end. */
import { isFetchRefusedError, isUnavailableError, jsonBody, type SafeResponse } from '@fastify-mcp-auth/core'
import type { Route } from './network.ts'
import type { StepLog } from './step-log.ts'

/** What is looked for, and why it is looked for there. */
export interface Wanted {
  readonly step: string
  readonly spec: string
}

export class DocumentReader {
  readonly #route: Route
  readonly #log: StepLog
  /** Why a document that may be there could not be read; null when all have answered. */
  outage: unknown = null

  constructor(route: Route, log: StepLog) {
    this.#route = route
    this.#log = log
  }

  /** @returns null without JSON @throws FetchRefusedError, whatever else is no outage */
  async json(place: string, wanted: Wanted): Promise<{ document: unknown; headers: SafeResponse['headers'] } | null> {
    const response = await this.fetch(place, wanted)
    if (response === null) return null
    const document = response.status === 200 ? jsonBody(response) : undefined
    if (document !== undefined) return { document, headers: response.headers }
    // A page with status 200, a 401 or 403: somebody's front door, not this document.
    this.#log.add(wanted.step, place, 'skipped', `status ${response.status}, no JSON`, wanted.spec)
    return null
  }

  /** @returns null without an answer that counts @throws FetchRefusedError, whatever else is no outage */
  async fetch(place: string, { step, spec }: Wanted): Promise<SafeResponse | null> {
    try {
      const response = await this.#route.oauth(place, { headers: { accept: 'application/json' } })
      if (response.status < 500 && response.status !== 429) return response
      this.#log.add(step, place, 'failed', `status ${response.status}`, spec)
      this.outage ??= new Error(`status ${response.status}`)
      return null
    } catch (error) {
      this.#log.add(step, place, 'failed', reasonOf(error), spec)
      if (isFetchRefusedError(error) && ['redirect', 'too_large', 'encoding'].includes(error.reason)) return null
      if (!isUnavailableError(error)) throw error
      this.outage ??= error
      return null
    }
  }
}

export function reasonOf(error: unknown): string {
  if (isFetchRefusedError(error)) return `refused: ${error.reason}`
  return isUnavailableError(error) ? 'no answer' : 'failed'
}
