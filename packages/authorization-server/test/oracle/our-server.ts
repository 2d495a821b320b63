/** This authorization server, on 127.0.0.1, for the comparison. */
import { digest } from '@fastify-mcp-auth/core'
import { settableClock } from '@fastify-mcp-auth/testing'
import type { JWK } from 'jose'
import type { Test } from 'tap'
import type { AuthorizationServerOptions } from '../../src/index.ts'
import { buildServer } from '../fixture.ts'
import { CLIENTS, FILES, NOTES, SECRET, type Side } from './side.ts'

/** @param port free, because the issuer has to be known before */
export async function startOurServer(
  t: Test,
  { port, publicJwk }: { port: number; publicJwk: JWK }
): Promise<Omit<Side, 'assertion'>> {
  const issuer = `http://127.0.0.1:${port}`
  const { app } = await buildServer(t, {
    options: {
      issuer,
      clock: settableClock(),
      openid: {},
      resources: {
        [NOTES]: {
          name: 'Notes',
          scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Write notes' },
          default: true,
          accessToken: { format: 'opaque' }
        },
        [FILES]: { name: 'Files', scopes: { 'files:read': 'Read your files' }, accessToken: { format: 'opaque' } }
      },
      clients: clients(publicJwk)
    }
  })
  await app.listen({ port, host: '127.0.0.1' })
  const at = (name: string): string => `${issuer}/oauth/${name}`
  return {
    name: 'ours',
    issuer,
    endpoints: {
      authorize: at('authorize'),
      token: at('token'),
      par: at('par'),
      introspect: at('introspect'),
      revoke: at('revoke'),
      register: at('register'),
      userinfo: at('userinfo')
    }
  }
}

function clients(publicJwk: JWK): NonNullable<AuthorizationServerOptions['clients']> {
  return Object.entries(CLIENTS).map(([client_id, { method, redirectUris }]) => ({
    client_id,
    client_name: client_id,
    redirect_uris: [...redirectUris],
    ...(method === 'client_secret_basic' ? { client_secret_digest: digest(SECRET) } : {}),
    ...(method === 'private_key_jwt' ? { jwks: { keys: [publicJwk] } } : {}),
    ...(client_id === 'api' ? { introspects: [NOTES] } : {})
  }))
}
