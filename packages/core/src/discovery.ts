/**
 * Finding out what an issuer offers. The document counts only when it says that it belongs to exactly that issuer:
 * otherwise one authorization server could speak for another.
 *
 * @see RFC 8414 section 3, OpenID Connect Discovery section 4
 */
import { UnavailableError } from './errors.ts'
import { isFetchRefusedError } from './fetch-errors.ts'
import { authorizationServerMetadataUrls, isHttpLoopback } from './issuer.ts'
import { jsonBody, type SafeFetch, type SafeResponse } from './safe-fetch.ts'
import { AuthorizationServerMetadata } from './schemas/authorization-server-metadata.ts'
import { conforms } from './type.ts'

/**
 * Tries the well-known places of the issuer in their order and takes the first document that is acceptable.
 *
 * Does not cache, and does not check that the endpoints answer.
 *
 * @param issuer exactly as configured; see {@link assertIssuer}
 * @throws UnavailableError when there is no such document. Also when there is a wrong one: at run time that is an issuer in
 *   disorder, never a verdict about a token
 */
export async function discoverMetadata(issuer: string, fetch: SafeFetch): Promise<AuthorizationServerMetadata> {
  const problems: string[] = []
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const response = await fetch(url).catch((error: unknown) => {
      // A redirect or an oversized page here says nothing about the next place; a host that is down is down for all three.
      if (!isFetchRefusedError(error)) throw error
      return error
    })
    const found = response instanceof Error ? response.message : readMetadata(response, issuer)
    if (typeof found !== 'string') return found
    problems.push(response instanceof Error ? found : `${url}: ${found}`)
  }
  throw new UnavailableError(`no usable metadata of ${issuer} (${problems.join('; ')})`)
}

/** The metadata in an answer of one of the places, or what is wrong with it, in one sentence that may quote it. */
export function readMetadata(response: SafeResponse, issuer: string): AuthorizationServerMetadata | string {
  if (response.status !== 200) return `status ${response.status}`
  const document = jsonBody(response)
  if (!conforms(AuthorizationServerMetadata, document)) return 'not authorization server metadata'
  if (document.issuer !== issuer) return `is for the issuer ${JSON.stringify(document.issuer.slice(0, 200))}`
  const bad = Object.entries(document).find(([name, value]) => isEndpoint(name) && !isAcceptableEndpoint(value))
  return bad ? `"${bad[0].slice(0, 100)}" is not an https URL` : document
}

function isEndpoint(name: string): boolean {
  return name === 'jwks_uri' || name.endsWith('_endpoint')
}

// Some of these are opened in a browser later: a `javascript:` here must not get that far.
function isAcceptableEndpoint(value: unknown): boolean {
  if (typeof value !== 'string') return false
  const url = URL.parse(value)
  return (
    url !== null && url.username === '' && url.password === '' && (url.protocol === 'https:' || isHttpLoopback(value))
  )
}
