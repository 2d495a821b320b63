/** Requirements of the MCP authorization specification, revision 2026-07-28, that concern the packages which exist. */
export interface Requirement {
  readonly id: string
  /** First revision with the rule, `extension` for one of an extension, or `guide` for the security best practices. */
  readonly since: string
  readonly text: string
}

const table = `
GEN-3 | 2025-03-26 | OAuth 2.1 for public and confidential clients
GEN-4 | 2025-03-26 | no implicit, no password grant; codes work once; exact redirect URIs
GEN-5 | 2025-03-26 | every endpoint over https, loopback excepted
GEN-6 | 2025-03-26 | tokens stored as digests, never logged
PRM-1 | 2025-06-18 | protected resource metadata is served
PRM-2 | 2025-06-18 | it names at least one authorization server, by its exact issuer
PRM-3 | 2025-11-25 | it is found by challenge and by well-known URI
PRM-4 | 2025-11-25 | path-inserted well-known URI
PRM-5 | 2025-11-25 | root well-known URI where unambiguous
PRM-6 | 2025-06-18 | resource in the document is the identifier asked for
PRM-7 | 2026-07-28 | no offline_access in metadata and challenges
PRM-8 | 2025-11-25 | scopes_supported may be a small baseline
PRM-9 | 2025-06-18 | metadata answers without a token
RS-1 | 2025-03-26 | missing, invalid or expired token: 401
RS-2 | 2025-11-25 | 401 names the scope that is needed
RS-3 | 2025-03-26 | no error code when no credentials were sent
RS-4 | 2025-03-26 | every token is validated before the request is processed
RS-5 | 2025-06-18 | the token was issued for this server
RS-6 | 2025-06-18 | tokens for anything else are refused
RS-8 | 2025-03-26 | 401, 403 and 400 each for their own case
RS-9 | 2025-11-25 | insufficient scope: 403 with scope and resource_metadata
RS-10 | 2025-11-25 | the 403 lists what this operation needs
RS-11 | 2026-07-28 | all scopes of the operation in one challenge
RS-12 | 2025-11-25 | the same call asks for the same scopes
RS-13 | 2026-07-28 | scope hierarchies count
RS-15 | 2025-03-26 | tokens in the query are not honoured
RS-16 | 2025-03-26 | a token on every request, session or not
RS-17 | 2025-06-18 | a session ID is never authentication
RS-18 | 2025-06-18 | sessions are bound to their user and expire
RS-19 | 2026-07-28 | lists may vary by what the caller is allowed
RS-20 | 2026-07-28 | filtered lists are private
TR-1 | 2025-03-26 | Origin is validated
TR-2 | 2025-11-25 | invalid Origin: 403
TR-5 | 2025-11-25 | foreign Host and Origin are refused, local ones served
TR-6 | 2026-07-28 | 401 comes before 405
TR-7 | 2026-07-28 | header mirrors must match the body
TR-9 | 2026-07-28 | authorization failures are never a bare 400
CD-10 | 2025-11-25 | authorization server metadata is served
REG-3 | 2025-11-25 | client ID metadata documents are supported
REG-6 | 2025-11-25 | the document is fetched when client_id is a URL
REG-7 | 2025-11-25 | client_id equals the URL, valid JSON, required members
REG-8 | 2025-11-25 | redirect_uri is listed in the document
REG-9 | 2025-11-25 | cached by its headers, errors are not
REG-10 | 2025-11-25 | the fetch is guarded against SSRF
REG-11 | 2025-11-25 | a warning for loopback clients that nobody verified
REG-12 | 2025-11-25 | the consent page shows the redirect host
REG-14 | 2025-11-25 | advertised in the metadata
REG-16 | 2025-03-26 | dynamic registration for older clients
REG-19 | 2026-07-28 | application_type is optional, unknown members are ignored
AZ-3 | 2025-11-25 | code_challenge_methods_supported is published
AZ-4 | 2025-03-26 | PKCE for every client, S256 only, no downgrade
AZ-7 | 2025-06-18 | upper case and a lone slash name the same resource
AZ-8 | 2025-06-18 | unknown resource: invalid_target; tokens may only be narrowed
AZ-10 | 2025-03-26 | exact redirect URIs, loopback ports excepted
AZ-12 | 2025-03-26 | redirect URIs are https, loopback or on an exact list
AZ-13 | 2025-06-18 | no redirect before client and redirect URI are trusted
AZ-14 | 2026-07-28 | iss in every authorization response
AZ-15 | 2026-07-28 | iss is advertised and identical to the issuer
AZ-24 | 2025-03-26 | a person may allow less; scope tells what was granted
TK-1 | 2025-06-18 | access tokens are short-lived
TK-2 | 2025-03-26 | refresh tokens rotate, reuse ends the grant
TK-8 | 2025-03-26 | token responses are JSON, no-store, with the errors of RFC 6749
EM-4 | extension | an identity assertion grant (ID-JAG) buys a token, also for a client with a metadata document
EM-5 | extension | its type is oauth-id-jag+jwt
EM-6 | extension | signed by a trusted identity provider, whose keys may change
EM-7 | extension | iss, aud, sub, iat, exp; short-lived
EM-8 | extension | it is for the client that authenticates
EM-9 | extension | it is for a resource of this server
EM-10 | extension | it is used once
EM-11 | extension | audience is its resource, scopes are what both sides say
EM-12 | extension | advertised in the metadata
EM-13 | extension | limits, revocation, audit, people by iss and sub
EM-14 | extension | no assertion in logs
WI-3 | extension | a workload comes without client_id
WI-4 | extension | iss, sub, aud, exp, iat, jti; trusted issuers only
WI-5 | extension | claims decide which workload may do what
WI-6 | extension | the type of an assertion tells the two meanings apart
PX-1 | guide | consent for each client
PX-3 | guide | consent names client, redirect and permissions, is not framed, has CSRF protection
PX-4 | guide | cookies are __Host-, Secure, HttpOnly, SameSite
`

export const REQUIREMENTS: readonly Requirement[] = table
  .trim()
  .split('\n')
  .map(line => {
    const [id = '', since = '', text = ''] = line.split(' | ')
    return { id, since, text }
  })
