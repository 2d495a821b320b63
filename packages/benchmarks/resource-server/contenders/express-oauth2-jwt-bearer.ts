/**
 * Auth0's middleware for Express with its remote key set (a secret for HS256) and its scope check. Checks signature, issuer, times,
 * audience, scope. Leaves out host and origin, the token type (not in its default mode), the types of other claims, metadata in
 * challenges.
 */
import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'
import { listening } from '../../listen.ts'
import { ANSWER, PATH, type ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'signature, issuer, times, audience, scope; remote key set; on Express',
  leavesOut: 'host, origin, type, claim types, metadata in challenges',
  start({ algorithm, issuer, jwksUri, resource, scope, secret }) {
    const guard = auth({
      issuer,
      audience: resource,
      tokenSigningAlg: algorithm,
      ...(secret === null ? { jwksUri } : { secret })
    })
    const app = express()
    app.get(PATH, guard, requiredScopes(scope), (_request, response) => void response.json(ANSWER))
    return listening(app.listen(0, '127.0.0.1'))
  }
}
