/** How a fetch of {@link SafeFetch} can fail: as a verdict, or as an outage. */
import { UnavailableError } from './errors.ts'

/** Why a fetch was not made or its answer not used. Will be the same next time. */
export type FetchRefusal = 'url' | 'scheme' | 'credentials' | 'address' | 'redirect' | 'too_large' | 'encoding'

/** Why there was no answer. May be different next time. */
export type FetchFailure = 'lookup' | 'network' | 'timeout'

/** A verdict about the URL or what it answered. Its message has neither credentials nor a query string. */
export class FetchRefusedError extends Error {
  override readonly name = 'FetchRefusedError'
  readonly code = 'FST_OAUTH_FETCH_REFUSED'
  readonly reason: FetchRefusal

  constructor(reason: FetchRefusal, message: string) {
    super(message)
    this.reason = reason
  }
}

/** An outage on the way to the URL or behind it. Its message has neither credentials nor a query string. */
export class FetchFailedError extends UnavailableError {
  readonly reason: FetchFailure

  constructor(reason: FetchFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/** By its code, so that errors of another copy of this package count. */
export function isFetchRefusedError(value: unknown): value is FetchRefusedError {
  return value instanceof Error && 'code' in value && value.code === 'FST_OAUTH_FETCH_REFUSED'
}
