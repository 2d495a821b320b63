/** This authorization server, on 127.0.0.1, for the comparison. */
import { digest, systemClock } from '@fastify-mcp-auth/core'
import type { JWK } from 'jose'
import type { Test } from 'tap'
import type { AuthorizationServerOptions } from '../../src/index.ts'
import { buildServer } from '../fixture.ts'
import { CLIENTS, FILES, NOTES, type OracleClient, SECRET, type Side } from './side.ts'

/** @param port free, because the issuer has to be known before */
export async function startOurServer(
  t: Test,
  { port, publicJwk }: { port: number; publicJwk: JWK }
): Promise<Omit<Side, 'assertion'>> {
  const issuer = `http://127.0.0.1:${port}`
  const { app } = await buildServer(t, {
    options: {
      issuer,
      clock: systemClock,
      openid: {},
      deviceAuthorization: {},
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
    },
    users: { find: subject => (subject.startsWith('sub-') ? subject.slice(4) : null) }
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
      userinfo: at('userinfo'),
      device: at('device_authorization')
    }
  }
}

function clients(publicJwk: JWK): NonNullable<AuthorizationServerOptions['clients']> {
  const given: [string, OracleClient][] = Object.entries(CLIENTS)
  return given.map(([client_id, { method, redirectUris, grantTypes }]) => ({
    client_id,
    client_name: client_id,
    redirect_uris: [...redirectUris],
    ...(method === 'client_secret_basic' ? { client_secret_digest: digest(SECRET) } : {}),
    ...(method === 'private_key_jwt' ? { jwks: { keys: [publicJwk] } } : {}),
    ...(grantTypes ? { grant_types: [...grantTypes] } : {}),
    ...(client_id === 'job' ? { client_credentials: { [NOTES]: ['notes:read', 'notes:write'] } } : {}),
    ...(client_id === 'api' ? { introspects: [NOTES] } : {})
  }))
}
