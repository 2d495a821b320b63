/**
 * What happened to others, and which test would notice if it happened here. A test says it in its title, before the colon: the number of the
 * advisory, or the name that its row has here.
 */
export interface Advisory {
  /** Numbers, or a name where there is none; the first is how the row is called. */
  readonly ids: readonly string[]
  readonly where: string
  readonly text: string
}

export const ADVISORIES: readonly Advisory[] = [
  {
    ids: ['CVE-2023-48223', 'CVE-2026-34950', 'GHSA-mvf2-f6gm-w987', 'GHSA-ww5h-9m49-7xx4'],
    where: 'fast-jwt',
    text: 'a public PEM is taken for an HMAC secret, also behind blanks or a comment'
  },
  {
    ids: ['GHSA-g3jj-5cmm-3hxx', 'CVE-2026-48526', 'CVE-2022-29217'],
    where: 'fast-jwt, PyJWT',
    text: 'a public JWK or SSH key is taken for an HMAC secret'
  },
  {
    ids: ['CVE-2026-22817', 'CVE-2026-22818'],
    where: 'hono',
    text: 'the algorithm comes from the token when the key does not name one'
  },
  {
    ids: ['CVE-2015-9235'],
    where: 'jsonwebtoken and descendants',
    text: 'alg none, an empty signature, an empty secret'
  },
  { ids: ['CVE-2018-0114'], where: 'node-jose', text: 'the key comes from the token: jwk, jku, x5u, x5c' },
  { ids: ['kid injection'], where: 'many', text: 'kid is used as a path, a query, a property, or without bound' },
  { ids: ['CVE-2026-35042', 'GHSA-hm7r-c7qw-ghp6'], where: 'fast-jwt', text: 'unknown critical headers are accepted' },
  {
    ids: ['CVE-2026-35041', 'CVE-2026-35040', 'GHSA-3j8v-cgw4-2g6q'],
    where: 'fast-jwt',
    text: 'regular expressions as options: slow, or of changing mind'
  },
  {
    ids: ['CVE-2026-35039', 'CVE-2026-35030'],
    where: 'fast-jwt, LiteLLM',
    text: 'cache keys collide: claims of somebody else'
  },
  { ids: ['fast-jwt 6.3.2'], where: 'fast-jwt', text: 'a token without iat is served from the cache past its end' },
  { ids: ['shared cached object'], where: 'fast-jwt', text: 'what one handler changes the next request sees' },
  { ids: ['CVE-2025-30144'], where: 'fast-jwt', text: 'an array of issuers with a good one in it' },
  { ids: ['CVE-2025-59936'], where: 'get-jwks', text: 'the key of another issuer with the same kid' },
  { ids: ['GHSA-675f-rq2r-jw82'], where: 'jwkset', text: 'a key that was removed stays trusted' },
  { ids: ['CVE-2026-22748'], where: 'Spring Security', text: 'the issuer is not checked unless it is set' },
  {
    ids: ['GHSA-c2jp-c369-7pvx', 'CVE-2026-27124', 'GHSA-rww4-4w9c-7733'],
    where: 'FastMCP',
    text: 'the token of the caller is passed on; consent to one client counts for another, or in the browser of somebody else'
  },
  { ids: ['PrefectHQ/fastmcp#3519'], where: 'FastMCP', text: 'a foreign page sends the decision' },
  {
    ids: ['GHSA-6x8h-498w-gv8c'],
    where: 'FastMCP',
    text: 'a client with a metadata document is answered without asking'
  },
  {
    ids: ['CVE-2025-4143'],
    where: 'Cloudflare',
    text: 'redirect_uri is checked only at the token endpoint, if at all'
  },
  { ids: ['CVE-2025-4144'], where: 'Cloudflare', text: 'PKCE is left out, and nobody notices' },
  { ids: ['GHSA-p2fr-6hmx-4528'], where: 'better-auth', text: 'the audience comes from the token request' },
  {
    ids: ['GHSA-7w99-5wm4-3g79', 'CVE-2026-53518'],
    where: 'better-auth',
    text: 'parallel redemptions of one code all get tokens'
  },
  { ids: ['GHSA-392p-2q2v-4372'], where: 'better-auth', text: 'parallel rotations fork the family of refresh tokens' },
  { ids: ['GHSA-xr8f-h2gw-9xh6'], where: 'better-auth', text: 'a client is made past the rules of the app' },
  {
    ids: ['GHSA-cq3f-vc6p-68fh', 'CVE-2026-45337'],
    where: 'better-auth',
    text: 'somebody else who is signed in may decide (there a device code; here no decision of any kind)'
  },
  {
    ids: ['GHSA-p6v2-xcpg-h6xw', 'CVE-2026-45364'],
    where: 'better-auth',
    text: 'limits count the text of IPv6 addresses: a /64 has enough of them'
  },
  {
    ids: ['CVE-2026-22752'],
    where: 'Spring Authorization Server',
    text: 'registration takes scripts for redirect URIs, internal jwks_uri, any scope'
  },
  {
    ids: ['oidc-provider 9.11.4'],
    where: 'oidc-provider',
    text: 'lists that are none, loose Basic, bodies that are no object'
  },
  {
    ids: ['Rails gem 0.4.0'],
    where: 'a Rails authorization server',
    text: 'its own list: code of another client, prefix of an audience, revocation that does not bite'
  },
  { ids: ['CVE-2026-4634'], where: 'Keycloak', text: 'a very long scope costs seconds' },
  { ids: ['CVE-2026-9689'], where: 'Keycloak', text: 'a parameter comes twice, and two programs read two things' },
  { ids: ['CVE-2026-9803'], where: 'Keycloak', text: 'a malformed Authorization header at registration is a 500' },
  {
    ids: ['CVE-2026-7571'],
    where: 'Keycloak',
    text: 'what was asked for is read anew from the client, or from the browser'
  },
  { ids: ['CVE-2026-3635'], where: 'Fastify up to 5.8.2', text: 'X-Forwarded-* of anybody is believed' },
  { ids: ['CVE-2026-25223', 'CVE-2025-32442'], where: 'Fastify', text: 'a content type gets a body past its checks' },
  { ids: ['Kong 3.13'], where: 'Kong', text: 'what does not look like MCP is let through' },
  {
    ids: ['CVE-2025-66414', 'CVE-2025-66416', 'CVE-2026-34742', 'CVE-2026-35568', 'GHSA-mc9g-v2cp-vfff'],
    where: 'MCP SDKs',
    text: 'DNS rebinding'
  },
  {
    ids: ['CVE-2026-33946', 'CVE-2025-6515', 'GHSA-f6c5-f2ph-7x7p'],
    where: 'MCP servers',
    text: 'the session of somebody else'
  },
  { ids: ['CVE-2026-25536'], where: 'MCP TypeScript SDK', text: 'answers reach the wrong caller' },
  {
    ids: ['zeroid#272'],
    where: 'RFC 9449, RFC 8705',
    text: 'a token that is bound to a key is taken as a bearer token'
  },
  { ids: ['log injection'], where: 'many', text: 'quotes and line breaks of a token get into headers and logs' },
  { ids: ['token in the query'], where: 'OAuth 2.1 section 5.1', text: 'a token in the URL is honoured, and logged' },
  { ids: ['oversize'], where: 'many', text: 'a token of a megabyte is computed with' },
  { ids: ['introspection SSRF'], where: 'many', text: 'a redirect takes the secret somewhere else' },
  {
    ids: ['introspection fail-open'],
    where: 'many',
    text: 'an answer that is none lets everybody in, or signs everybody out'
  }
]
