/**
 * How requests look to the app that runs behind its proxy: whom it believes about protocol, host and address cannot be seen from outside.
 * For the doctor. Strangers are told nothing: whoever asks shows that he has the encryption keys of the app.
 */
import type { Clock, KeyRing } from '@fastify-mcp-auth/core'
import type { ConnectionUrls, Mirror } from './types.ts'

/** Header of the request that has the pass in it. */
export const PASS_HEADER = 'x-mcp-connections-pass'

/** Seconds. Long, since a clock that is wrong is one of the things to be found, and short enough for a pass that got into a log. */
const TOLERANCE = 3600

export function mirrorOf({
  ring,
  clock,
  urls
}: {
  readonly ring: KeyRing
  readonly clock: Clock
  readonly urls: ConnectionUrls
}): Mirror {
  const url = `${urls.index}/mirror`
  // Worth nothing at another deployment that has the same keys.
  const context = JSON.stringify(['mirror', url])
  return Object.freeze({
    request: () => ({ url, headers: { [PASS_HEADER]: ring.seal(String(clock.now()), context) } }),
    admits(pass: unknown): boolean {
      const made = typeof pass === 'string' ? ring.unseal(pass, context) : null
      return made !== null && Math.abs(clock.now() - Number(made)) <= TOLERANCE
    }
  })
}
