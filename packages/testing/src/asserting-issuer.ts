/**
 * A test issuer in the roles of RFC 7523: the identity provider of a company that speaks for people, and the platform that speaks for a
 * program. For servers with the option `jwtBearer`.
 */
import type { TestIssuer } from './issuer.ts'

/** The `sub` of the one program that runs on the platform. */
const WORKLOAD = 'nightly@jobs'

/** What it says, and a server that trusts it. See {@link assertingIssuer}. */
export interface AssertingIssuer {
  /**
   * For the option `jwtBearer`: it speaks for people, whom the app finds by their `sub`, and for one program, the client `nightly`.
   *
   * @param access what the program may do in its own name, scopes by resource
   */
  trusted(access: { [resource: string]: string[] }): {
    identityProviders: { issuer: string; user: (claims: { sub: string }) => { user: string } }[]
    workloadIssuers: {
      issuer: string
      workloads: {
        client_id: string
        client_name: string
        claims: Record<string, string>
        client_credentials: { [resource: string]: string[] }
      }[]
    }[]
  }
  /** An identity assertion grant (ID-JAG): that the person uses the client at the resource. Without `scopes` it names none. */
  idJag(about: {
    subject: string
    /** The issuer of the server that it is for. */
    audience: string
    clientId: string
    resource: string | null
    scopes?: readonly string[]
  }): Promise<string>
  /** That a program is who it is: the one of `trusted`, unless told otherwise. */
  workload(about: { audience: string; subject?: string }): Promise<string>
}

/** Assertions of a test issuer, signed with its keys. It goes on to be whatever else it is. */
export function assertingIssuer(issuer: TestIssuer): AssertingIssuer {
  return {
    trusted: access => ({
      identityProviders: [{ issuer: issuer.issuer, user: ({ sub }) => ({ user: sub }) }],
      workloadIssuers: [
        {
          issuer: issuer.issuer,
          workloads: [
            {
              client_id: 'nightly',
              client_name: 'Nightly job',
              claims: { sub: WORKLOAD },
              client_credentials: access
            }
          ]
        }
      ]
    }),
    idJag: ({ subject, audience, clientId, resource, scopes = [] }) =>
      issuer.mint({
        subject,
        resource: audience,
        clientId,
        claims: { resource: resource ?? undefined },
        ...(scopes.length === 0 ? {} : { scopes }),
        header: { typ: 'oauth-id-jag+jwt' }
      }),
    workload: ({ audience, subject = WORKLOAD }) => issuer.mint({ subject, resource: audience, header: { typ: 'JWT' } })
  }
}
