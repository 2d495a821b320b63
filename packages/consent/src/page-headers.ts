/**
 * The headers that protect a page. They replace what the host app sets for all its routes, on our pages only.
 *
 * @see RFC 9700 section 4.16, Content Security Policy Level 3
 */
import type { ConsentRequest } from '@fastify-mcp-auth/core'

export interface PageNeeds {
  /** Sources of the directive `form-action`. */
  readonly formAction: string
  /** The one image of the page, as an absolute URL. */
  readonly imageUrl: string | null
}

export function pageHeaders({ formAction, imageUrl }: PageNeeds): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `img-src ${imageUrl === null ? "'none'" : imageSource(imageUrl)}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    `form-action ${formAction}`
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    // Not "no-referrer": with it browsers send the form with `Origin: null`, and origin checks would refuse it.
    'referrer-policy': 'same-origin',
    // Web clients open us in a pop-up and wait for their own page to come back in it. Any stricter value cuts that tie.
    'cross-origin-opener-policy': 'unsafe-none',
    'cache-control': 'no-store'
  }
}

/** Schemes of desktop apps to which the https callback of their maker hands the browser over. */
const HANDOVER_SCHEMES = 'claude: cursor: vscode: vscode-insiders:'

/**
 * Where the form of the consent page may lead. Chromium and Safari hold every redirect after a form against this list, not only
 * the first one, and leave the person on a page that seems dead when one is not on it. Clients do lead on: an https callback to a
 * page or the desktop app of its maker, a program on this computer to a page that says "done". So a web address may follow,
 * and after a program on this computer another one; plain http elsewhere, and schemes that nobody knows, may not. An answer that goes straight to an app goes there only.
 *
 * @see https://github.com/w3c/webappsec-csp/issues/8
 */
export function consentFormAction({ kind, formAction }: ConsentRequest['redirect']): string {
  if (kind === 'private-use') return `'self' ${formAction}`
  const nearby = kind === 'loopback' ? ' http://127.0.0.1:* http://localhost:*' : ''
  return `'self' ${formAction}${nearby} https: ${HANDOVER_SCHEMES}`
}

// A source has no query, and a comma or semicolon would end it.
function imageSource(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname.replaceAll(',', '%2C').replaceAll(';', '%3B')}`
}
