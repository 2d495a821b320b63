/** An authorization server that trusts an identity provider and a platform, each with keys of its own. */
import type { AuthorizationServerEvent } from '@fastify-mcp-auth/core'
import { digest } from '@fastify-mcp-auth/core'
import { createTestIssuer, type MintOptions, type TestIssuer } from '@fastify-mcp-auth/testing'
import type { Test } from 'tap'
import { JWT_BEARER } from '../../src/assertions/trusted-issuers.ts'
import type { AssertedUser, AuthorizationServerOptions } from '../../src/index.ts'
import { post } from '../devices.ts'
import { type BuildOptions, buildServer, ORIGIN, RESOURCE, RESOURCES, type TestServer } from '../fixture.ts'

export { JWT_BEARER }
export const IDP = 'https://idp.example'
export const PLATFORM = 'https://platform.example'
export const OTHER = `${ORIGIN}/other`
export const SECRET = 'a-secret-that-is-long-enough-to-be-one'
export const WORKLOAD = 'system:serviceaccount:jobs:nightly'

export interface Asserting extends TestServer {
  readonly idp: TestIssuer
  readonly platform: TestIssuer
  readonly events: AuthorizationServerEvent[]
  /** An identity assertion grant for alice and the client `agent`, but for what is changed. */
  idJag(options?: Partial<MintOptions>): Promise<string>
  /** What the platform says about the nightly job, but for what is changed. */
  workload(options?: Partial<MintOptions>): Promise<string>
  /** As the client `agent`, but for what is changed; an empty text leaves a parameter out. */
  ask(assertion: string, form?: Record<string, string>): ReturnType<typeof post>
  /** Without a client. */
  alone(assertion: string, form?: Record<string, string>): ReturnType<typeof post>
}

interface Choice extends BuildOptions {
  user?: AssertedUser
  singleUse?: boolean
  idp?: TestIssuer
  platform?: TestIssuer
}

// Keys take longer to make than all the rest, so they are made once; the time is that of the server that was built last.
let now = (): number => 0
const clock = { now: () => now() }
const sharedIdp = await createTestIssuer({ issuer: IDP, clock })
const sharedPlatform = await createTestIssuer({ issuer: PLATFORM, clock })

/** People are known by the last part of their `sub` at the identity provider. */
export async function build(t: Test, { options, users, user, singleUse, ...more }: Choice = {}): Promise<Asserting> {
  const { idp = sharedIdp, platform = sharedPlatform } = more
  const events: AuthorizationServerEvent[] = []
  const resources: AuthorizationServerOptions['resources'] = {
    [RESOURCE]: { ...RESOURCES[RESOURCE], default: true } as never,
    [OTHER]: { name: 'Other', scopes: { 'other:read': 'Read' } }
  }
  const server = await buildServer(t, {
    ...more,
    options: {
      resources,
      clients: [
        { client_id: 'agent', client_name: 'Agent', client_secret_digest: digest(SECRET), grant_types: [JWT_BEARER] },
        { client_id: 'twin', client_name: 'Twin', client_secret_digest: digest(SECRET), grant_types: [JWT_BEARER] },
        { client_id: 'web', client_name: 'Web', redirect_uris: ['https://web.example/cb'] }
      ],
      jwtBearer: {
        identityProviders: [
          {
            issuer: IDP,
            user: user ?? (({ sub }) => (sub.startsWith('emp-') ? { user: sub.slice(4) } : null))
          }
        ],
        workloadIssuers: [
          {
            issuer: PLATFORM,
            ...(singleUse === undefined ? {} : { singleUse }),
            workloads: [
              {
                client_id: 'nightly',
                client_name: 'Nightly job',
                claims: { sub: WORKLOAD, cluster: 'one' },
                client_credentials: { [RESOURCE]: ['notes:read', 'notes:write'] }
              }
            ]
          }
        ]
      },
      fetch: url => (url.startsWith(IDP) ? idp : platform).fetch(url),
      onEvent: event => void events.push(event),
      ...options
    },
    users: { find: subject => (/^sub-(?!gone)/.test(subject) ? subject.slice(4) : null), ...users }
  })
  now = server.clock.now
  const ask: Asserting['ask'] = (assertion, form = {}) => {
    const whole = { grant_type: JWT_BEARER, client_id: 'agent', client_secret: SECRET, assertion, ...form }
    return post(server, 'token', Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== '')))
  }
  return {
    ...server,
    idp,
    platform,
    events,
    idJag: ({ claims, header, ...options } = {}) =>
      idp.mint({
        subject: 'emp-alice',
        resource: ORIGIN,
        clientId: 'agent',
        ...options,
        claims: { resource: RESOURCE, scope: 'notes:read notes:write', ...claims },
        header: { typ: 'oauth-id-jag+jwt', ...header }
      }),
    workload: ({ claims, header, ...options } = {}) =>
      platform.mint({
        subject: WORKLOAD,
        resource: `${ORIGIN}/oauth/token`,
        ...options,
        claims: { cluster: 'one', client_id: undefined, ...claims },
        header: { typ: 'JWT', ...header }
      }),
    ask,
    alone: (assertion, form = {}) => ask(assertion, { client_id: '', client_secret: '', ...form })
  }
}
