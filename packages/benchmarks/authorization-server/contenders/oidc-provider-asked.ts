/**
 * oidc-provider with a native client, for which it asks every time, so a flow has five requests: authorize, page, decision, resume,
 * token. Otherwise as the other one.
 */
import type { IssuingContender } from '../issuing.ts'
import { startOidcProvider } from '../oidc-provider.ts'

export const contender: IssuingContender = {
  does: 'flow of 5 requests with consent asked each time; sessions, interactions, grants, rotation',
  leavesOut: 'introspection of JWTs (its opaque tokens instead); at most 2,000 records are kept',
  start: issuing => startOidcProvider(issuing, 'asked')
}
