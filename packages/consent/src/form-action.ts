/** Where the form of the consent page may lead. */
import type { ConsentRequest } from '@fastify-mcp-auth/core'

/** Schemes of desktop apps to which the https callback of their maker hands the browser over. */
const HANDOVER_SCHEMES = 'claude: cursor: vscode: vscode-insiders:'

/**
 * Sources of `form-action`. Chromium and Safari hold every redirect after a form against this list, not only
 * the first one, and leave the person on a page that seems dead when one is not on it. Clients do lead on: an https callback to a
 * page or the desktop app of its maker, a program on this computer to a page that says "done". So a web address may follow,
 * and after a program on this computer another one; plain http elsewhere, and schemes that nobody knows, may not. An answer that goes straight to an app goes there only.
 *
 * @see https://github.com/w3c/webappsec-csp/issues/8
 */
export function consentFormAction(redirect: ConsentRequest['redirect']): string {
  if (redirect === null) return "'self'"
  const { kind, formAction } = redirect
  if (kind === 'private-use') return `'self' ${formAction}`
  const nearby = kind === 'loopback' ? ' http://127.0.0.1:* http://localhost:*' : ''
  return `'self' ${formAction}${nearby} https: ${HANDOVER_SCHEMES}`
}
