/** Paths on our own origin that a browser may be sent to at the end. @see RFC 9700 section 4.11 */
import { McpConnectionError } from './errors.ts'

/**
 * A path with query and fragment, as it was given, or null for none.
 *
 * @throws McpConnectionError `MCP_INVALID_INPUT` for anything that a browser could take for another origin
 */
export function assertReturnTo(value: string | undefined, baseUrl: string): string | null {
  if (value === undefined || value === '') return null
  if (isSafePath(value, baseUrl)) return value
  throw new McpConnectionError('MCP_INVALID_INPUT', '"returnTo" must be a path on this origin', { reason: 'return_to' })
}

/** Begins with one slash, has nothing that a parser would repair, and stays where it is when it is resolved, decoded or not. */
export function isSafePath(value: string, baseUrl: string): boolean {
  if (value.length > 2048 || !/^\/(?![/\\])[\x21-\x7E]*$/.test(value) || value.includes('\\')) return false
  // `/%2F/evil` and the like: somebody behind us may decode once more.
  if (/^\/(?:%2f|%5c|%09|%0[ad])/i.test(value)) return false
  const url = URL.parse(value, baseUrl)
  return url?.origin === baseUrl && !url.pathname.startsWith('//')
}
