/**
 * A client in its own name, without a person.
 *
 * @see RFC 6749 section 4.4, OAuth 2.1 section 4.2, MCP extension "OAuth client credentials"
 */
import { OAuthError } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'
import { CLIENT_CREDENTIALS } from '../clients/own-access.ts'
import { defineGrant } from './grant.ts'
import { issueOwn } from './own-name.ts'

export const clientCredentials = defineGrant({
  grantType: CLIENT_CREDENTIALS,
  isImmediate: true,
  body: Type.Object({ resource: Type.Optional(Type.String()), scope: Type.Optional(Type.String()) }),
  async exchange({ server, client, body, since }) {
    // By what it may do, not by what it did: a client that may come without proof could be anybody.
    if (client.authMethods.includes('none'))
      throw new OAuthError('unauthorized_client', 'only a client that proves itself has access of its own', {
        reason: 'public_client'
      })
    return issueOwn(server, { program: client, body, grantType: CLIENT_CREDENTIALS, since })
  }
})
