/**
 * The headers that protect a page. They replace what the host app sets for all its routes, on our pages only.
 *
 * @see RFC 9700 section 4.16, Content Security Policy Level 3
 */
import type { ConsentRequest } from '@fastify-mcp-auth/core'

export interface PageNeeds {
  /** Sources of the directive `form-action`; null leaves it out. */
  readonly formAction: string | null
  /** The one image of the page, as an absolute URL. */
  readonly imageUrl: string | null
}

export function pageHeaders({ formAction, imageUrl }: PageNeeds): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `img-src ${imageUrl === null ? "'none'" : imageSource(imageUrl)}`,
    "frame-ancestors 'none'",
    "base-uri 'none'"
  ]
  if (formAction !== null) policy.push(`form-action ${formAction}`)
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

/**
 * Where the form of the consent page may lead. Chromium and Safari hold every redirect after a form against this list, also
 * those of the client that got the answer: an https callback that hands over to a desktop app, a local program that ends on
 * a page of its maker. Nobody but the client knows these, and a blocked one leaves the person on a page that seems dead. So
 * only an answer that goes straight to an app can be pinned down.
 *
 * @see https://github.com/w3c/webappsec-csp/issues/8
 */
export function consentFormAction({ kind, formAction }: ConsentRequest['redirect']): string | null {
  return kind === 'private-use' ? `'self' ${formAction}` : null
}

// A source has no query, and a comma or semicolon would end it.
function imageSource(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname.replaceAll(',', '%2C').replaceAll(';', '%3B')}`
}
