/**
 * The headers that protect a page. They replace what the host app sets for all its routes, on our pages only.
 *
 * @see RFC 9700 section 4.16, Content Security Policy Level 3
 */

/** What a page may do besides showing itself. */
export interface PageNeeds {
  /** Sources of the directive `form-action`; `'none'` for a page without a form. */
  readonly formAction: string
  /** Absolute URLs of the images that it shows. */
  readonly images: readonly string[]
  /** What else of this origin the layout of a team loads. Nothing by default. */
  readonly sameOrigin?: readonly SameOrigin[] | undefined
}

/** Kinds of files that a page may load from its own origin. */
export type SameOrigin = 'images' | 'fonts' | 'scripts'

const DIRECTIVES = { fonts: 'font-src', scripts: 'script-src' } as const

/** No scripts, no frames around it, nothing from elsewhere, and nothing kept. */
export function pageHeaders({ formAction, images, sameOrigin = [] }: PageNeeds): Record<string, string> {
  const imageSources = [...(sameOrigin.includes('images') ? ["'self'"] : []), ...images.map(imageSource)]
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `img-src ${imageSources.length === 0 ? "'none'" : [...new Set(imageSources)].join(' ')}`,
    ...(['fonts', 'scripts'] as const)
      .filter(kind => sameOrigin.includes(kind))
      .map(kind => `${DIRECTIVES[kind]} 'self'`),
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

// A source has no query, and a comma or semicolon would end it.
function imageSource(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname.replaceAll(',', '%2C').replaceAll(';', '%3B')}`
}
