/**
 * The headers that protect a page. They replace what the host app sets for all its routes, on our pages only.
 *
 * @see RFC 9700 section 4.16, Content Security Policy Level 3
 */

export interface PageNeeds {
  /** Source that the answer to the form may redirect to; without it the page has no form. */
  readonly formAction?: string
  /** The one image of the page, as an absolute URL. */
  readonly imageUrl: string | null
}

export function pageHeaders({ formAction, imageUrl }: PageNeeds): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `img-src ${imageUrl === null ? "'none'" : imageSource(imageUrl)}`,
    // Browsers hold the redirect after the form against this list too, so the redirect URI has to be on it.
    `form-action ${formAction === undefined ? "'none'" : `'self' ${formAction}`}`,
    "frame-ancestors 'none'",
    "base-uri 'none'"
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

// A source has no query, and a comma or semicolon would end it.
function imageSource(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname.replaceAll(',', '%2C').replaceAll(';', '%3B')}`
}
