/**
 * oidc-provider with the consent remembered in its session, so a flow has two requests: authorize and token. Its memory adapter,
 * sessions, grants, rotation, ES256 JWT access tokens. Leaves out asking anybody.
 */
import type { IssuingContender } from '../issuing.ts'
import { startOidcProvider } from '../oidc-provider.ts'

export const contender: IssuingContender = {
  does: 'flow of 2 requests, consent remembered; sessions, grants, rotation',
  leavesOut: 'asking; introspection of JWTs (its opaque tokens instead); at most 2,000 records are kept',
  start: issuing => startOidcProvider(issuing, 'remembered')
}
